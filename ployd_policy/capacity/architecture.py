"""What memory depends on in a model: its shape, from a catalogue entry or from spec.model.architecture.

Must not read files, and must not guess a dimension that no source gives.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Field of an Architecture -> its name in spec.model.architecture of a ModelDeployment.
_SPEC_NAMES = {
    "model_type": "modelType",
    "parameters": "parameters",
    "weight_bytes": "weightBytes",
    "layers": "hiddenLayers",
    "hidden": "hiddenSize",
    "intermediate": "intermediateSize",
    "heads": "attentionHeads",
    "kv_heads": "keyValueHeads",
    "head_dim": "headDim",
    "vocabulary": "vocabularySize",
    "context": "maxPositionEmbeddings",
    "window": "slidingWindow",
    "window_layers": "slidingWindowLayers",
    "kv_lora_rank": "kvLoraRank",
    "rope_head_dim": "ropeHeadDim",
    "experts": "experts",
    "quantization": "quantization",
}
_MOST = 2**60
"""Bytes of weights of no model; arithmetic on more says nothing."""
_REQUIRED = ("layers", "hidden", "heads")


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """The shape of a model. Widths are in elements; `weight_bytes` and `parameters` are totals.

    `linear_layers` keep a constant state of `linear_state` elements instead of keys and values (gated delta nets).
    `linear_projections` is the sum of the widths these layers project to and from. `window_layers` look back `window`
    tokens. The other layers attend to everything, with `global_kv_heads` heads of `global_head_dim` where these are
    set, else with `kv_heads` of `head_dim`.
    """

    model_type: str = ""
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int = 0
    vocabulary: int = 0
    context: int = 0
    tied: bool = False
    attention_bias: bool = False
    gated: bool = True
    parameters: int = 0
    weight_bytes: int = 0
    window: int = 0
    window_layers: int = 0
    global_kv_heads: int = 0
    global_head_dim: int = 0
    linear_layers: int = 0
    linear_state: int = 0
    linear_projections: int = 0
    attention_gate: bool = False
    kv_lora_rank: int = 0
    rope_head_dim: int = 0
    nope_head_dim: int = 0
    value_head_dim: int = 0
    query_lora_rank: int = 0
    experts: int = 0
    experts_per_token: int = 0
    expert_intermediate: int = 0
    shared_intermediate: int = 0
    dense_layers: int = 0
    vision_parameters: int = 0
    multimodal: bool = False
    quantization: str = ""
    quantization_block: int = 0

    @property
    def full_layers(self) -> int:
        """Layers that keep keys and values of every token."""
        return self.layers - self.window_layers - self.linear_layers

    @property
    def hybrid(self) -> bool:
        """Whether layers differ in what they keep, so that vLLM's token count is no plain quotient."""
        return bool(self.linear_layers or (self.window_layers and self.window < self.context))


def from_entry(entry: Mapping[str, Any]) -> Architecture | str:
    """The architecture in a catalogue entry; text that says what is missing or no number where it is not one."""
    fields = {name: entry[name] for name in Architecture.__dataclass_fields__ if entry.get(name) is not None}
    return _checked(fields)


def from_spec(figures: Mapping[str, Any]) -> Architecture | str:
    """The same from spec.model.architecture."""
    return _checked({name: figures[theirs] for name, theirs in _SPEC_NAMES.items() if figures.get(theirs) is not None})


def _checked(fields: dict[str, Any]) -> Architecture | str:
    missing = [_SPEC_NAMES[name] for name in _REQUIRED if name not in fields]
    if missing:
        return "the model's " + ", ".join(missing) + " are not given"
    declared = Architecture.__annotations__
    for name, value in fields.items():
        if declared[name] is int and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST):
            return f"{name} is no whole number of at least 0, or more than any model has"
        if declared[name] is not int and not isinstance(value, declared[name]):
            return f"{name} is no {declared[name].__name__}"
    if not all(fields[name] for name in _REQUIRED):
        return "layers, hidden size and attention heads are at least 1"
    fields.setdefault("kv_heads", fields["heads"])
    fields.setdefault("head_dim", fields["hidden"] // fields["heads"])
    if fields.get("window") and "window_layers" not in fields:
        fields["window_layers"] = fields["layers"]
    shape = Architecture(**fields)
    if shape.full_layers < 0 or not shape.kv_heads:
        return "more layers with a window or a state than layers, or no key-value heads"
    return shape
