"""The longest sequence a piece of memory holds is the last one that fits, for every mix of layers."""

from hypothesis import given
from hypothesis import strategies as st

from ployd_policy.capacity import Architecture, kv

SHAPES = st.builds(
    Architecture,
    layers=st.just(32),
    hidden=st.just(4096),
    heads=st.just(32),
    kv_heads=st.sampled_from([1, 8, 32]),
    head_dim=st.sampled_from([64, 128]),
    context=st.sampled_from([0, 4096, 131072]),
    window=st.sampled_from([0, 128, 4096]),
    window_layers=st.integers(0, 16),
    linear_layers=st.integers(0, 16),
    linear_state=st.sampled_from([0, 100_000]),
    kv_lora_rank=st.sampled_from([0, 512]),
    rope_head_dim=st.just(64),
)


@given(shape=SHAPES, memory=st.floats(0, 2**36), tensor=st.sampled_from([1, 2, 8]), pipeline=st.sampled_from([1, 4]))
def test_one_token_more_does_not_fit(shape, memory, tensor, pipeline):
    sizes = {"batched": 2048, "element": 2.0, "tensor": tensor, "pipeline": pipeline}
    most = 4 * shape.context if shape.context else 2**24
    tokens = kv.longest(memory, shape, **sizes)
    assert 0 <= tokens <= most
    slack = 1 + 1e-9  # sums of floats
    if tokens:
        assert kv.bytes_per_sequence(shape, tokens=tokens, **sizes) <= memory * slack
    if tokens < most:
        assert kv.bytes_per_sequence(shape, tokens=tokens + 1, **sizes) * slack >= memory
