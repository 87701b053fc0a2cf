"""A model's own config.json -> a catalogue entry. Takes decoded JSON; the caller reads files.

Only what the file says goes in. What a model's code knows but its config.json does not (Gemma 2's alternating windows)
is written down here with the place it was read.
"""

from collections.abc import Mapping
from typing import Any, TypeGuard

_NAMES = {
    "hidden_size": "hidden",
    "num_attention_heads": "heads",
    "num_key_value_heads": "kv_heads",
    "head_dim": "head_dim",
    "intermediate_size": "intermediate",
    "vocab_size": "vocabulary",
    "num_hidden_layers": "layers",
    "kv_lora_rank": "kv_lora_rank",
    "qk_rope_head_dim": "rope_head_dim",
    "qk_nope_head_dim": "nope_head_dim",
    "v_head_dim": "value_head_dim",
    "q_lora_rank": "query_lora_rank",
    "num_experts": "experts",
    "num_local_experts": "experts",
    "n_routed_experts": "experts",
    "num_experts_per_tok": "experts_per_token",
    "moe_intermediate_size": "expert_intermediate",
    "shared_expert_intermediate_size": "shared_intermediate",
    "first_k_dense_replace": "dense_layers",
    "num_global_key_value_heads": "global_kv_heads",
    "global_head_dim": "global_head_dim",
}
# transformers 5.23, models/*/configuration_*.py: default of tie_word_embeddings where config.json leaves it out.
_TIED_BY_DEFAULT = ("gemma", "gpt_bigcode", "cohere")
# transformers 5.23, models/qwen2/modeling_qwen2.py: biases of q, k and v that no key of config.json names.
_BIASED = ("qwen", "qwen2", "qwen2_moe", "qwen2_5_vl", "qwen2_vl")

# Kinds of stretched rotary angles that lengthen the context; the others say their length already.
_STRETCHED = frozenset({"linear", "dynamic", "yarn"})
_MOST_STRETCH = 1024  # more is a typing error
_MOST = 2**60
"""More than any figure of a model; a float of it and its products still is a number."""
_GEMMA3 = frozenset({"gemma3", "gemma3_text"})
_LINEAR = ("linear_num_value_heads", "linear_num_key_heads", "linear_key_head_dim", "linear_value_head_dim")

# Types of a checkpoint that is not quantized, as safetensors names them.
_PLAIN = frozenset({"F64", "F32", "F16", "BF16"})


def entry_from_config(config: Mapping[str, Any], *, source: str) -> dict[str, Any] | str:
    """A catalogue entry with the figures of a config.json, or text that says which of them is missing.

    `source` says where the file was read. Multimodal files nest the language model; its figures are what counts.
    """
    nested = next((config[key] for key in ("text_config", "llm_config") if isinstance(config.get(key), Mapping)), None)
    text: dict[str, Any] = {**config, **(nested or {})}
    entry: dict[str, Any] = {ours: text[name] for name, ours in _NAMES.items() if _count(text.get(name))}
    missing = [
        name for name in ("num_hidden_layers", "hidden_size", "num_attention_heads") if _NAMES[name] not in entry
    ]
    if missing:
        return "config.json does not give " + ", ".join(missing) + ", as a whole number"
    kind = str(text.get("model_type") or config.get("model_type") or "")
    unusable = _unusable(text, kind)
    if unusable:
        return "config.json does not give " + ", ".join(unusable)
    entry |= {"source": source, "model_type": kind} | _context(text, kind)
    if text.get("tie_word_embeddings", config.get("tie_word_embeddings", kind.startswith(_TIED_BY_DEFAULT))):
        entry["tied"] = True
    if kind in _BIASED or text.get("attention_bias"):
        entry["attention_bias"] = True
    if nested is not None or "vision_config" in config:
        entry["multimodal"] = True
        entry |= _vision(config.get("vision_config"))
    if entry.get("kv_lora_rank"):  # some files name a head_dim here that no layer has
        entry.pop("head_dim", None)
    entry |= _layers(text, kind, entry["layers"]) | _experts(text, entry) | _quantization(config)
    return {key: entry[key] for key in sorted(entry)}


def _context(text: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Tokens vLLM lets a sequence have: positions x the factor by which their angles are stretched.

    Source: _get_and_verify_max_len in vllm/config.py of 0.8.5.post1 (PyPI).
    """
    named = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")
    found = [text[name] for name in named if _count(text.get(name))]
    longest = text["model_max_length"] if _count(text.get("model_max_length")) else min(found, default=0)
    rope: Mapping[str, Any]
    rope = next((text[name] for name in ("rope_scaling", "rope_parameters") if isinstance(text.get(name), Mapping)), {})
    stretched = str(rope.get("rope_type", rope.get("type")))
    factor = rope.get("factor")
    if isinstance(factor, int | float) and 0 < factor <= _MOST_STRETCH and stretched in _STRETCHED:
        original = rope.get("original_max_position_embeddings")
        start: int = original if stretched == "yarn" and _count(original) and original else longest
        longest = longest if kind.startswith("gemma3") else int(start * factor)
    return {"context": longest} if longest else {}


def _count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST


def _unusable(text: Mapping[str, Any], kind: str) -> list[str]:
    """Keys that the figures of this model are computed from and that hold no such number."""
    types = text.get("layer_types")
    found = []
    if kind in _GEMMA3 and not isinstance(types, list):
        pattern = text.get("sliding_window_pattern", 6)
        if not _count(pattern) or not pattern:
            found.append("sliding_window_pattern, as a whole number of at least 1")
    needed: list[str] = []
    if isinstance(types, list) and any(_linear(one) for one in types):
        needed += _LINEAR if any(text.get(name) is not None for name in _LINEAR) else ()
    if text.get("model_type") == "llama4_text":
        needed += [name for name in ("intermediate_size_mlp", "interleave_moe_layer_step") if text.get(name)]
    return found + [f"{name}, as a whole number" for name in needed if not _count(text.get(name))]


def _linear(layer_type: Any) -> bool:
    return "linear" in str(layer_type) or "mamba" in str(layer_type)


def _layers(text: Mapping[str, Any], kind: str, layers: int) -> dict[str, Any]:
    window = text["sliding_window"] if _count(text.get("sliding_window")) else 0
    types = text.get("layer_types")
    found: dict[str, Any] = {}
    if isinstance(types, list):
        found["linear_layers"] = sum(_linear(one) for one in types)
        found["window_layers"] = sum("sliding" in str(one) for one in types)
    elif kind == "gemma2":  # transformers 5.23, models/gemma2/configuration_gemma2.py: every second layer
        found["window_layers"] = (layers + 1) // 2
    elif kind in _GEMMA3:  # models/gemma3/configuration_gemma3.py: five of six
        found["window_layers"] = layers - layers // text.get("sliding_window_pattern", 6)
    elif kind in {"mistral", "phi3"}:
        found["window_layers"] = layers
    if found.get("window_layers"):  # without the window's width they count as layers that keep everything
        found |= {"window": window} if window else {"window_layers": 0}
    if found.get("linear_layers") and _count(text.get("linear_num_value_heads")):
        # One matrix of key by value width a head in 32 bits, counted as two elements of 16; the short convolution's
        # inputs are too small to count.
        heads, key_heads, key, value = (text[name] for name in _LINEAR)
        found["linear_state"] = 2 * heads * key * value
        found["linear_projections"] = 2 * key_heads * key + 3 * heads * value
    if text.get("attn_output_gate"):
        found["attention_gate"] = True
    return {key: value for key, value in found.items() if value}


def _vision(vision: Any) -> dict[str, Any]:
    """Weights of a plain vision transformer: four squares and two rectangles a layer, three where it is gated.

    Qwen2.5-VL's is gated. The layers that merge patches come on top, as in vllm/model_executor/models/qwen3_vl.py of
    0.19.1 (PyPI). Other towers give no number.
    """
    if not isinstance(vision, Mapping):
        return {}
    depth = vision.get("depth", vision.get("num_hidden_layers"))
    width, wide = vision.get("hidden_size"), vision.get("intermediate_size")
    if not (_count(depth) and _count(width) and _count(wide)):
        return {}
    merge, output = vision.get("spatial_merge_size"), vision.get("out_hidden_size")
    mergers = 0
    if _count(merge) and _count(output):
        stacked = vision.get("deepstack_visual_indexes")
        merged = merge * merge * width
        mergers = (1 + (len(stacked) if isinstance(stacked, list) else 0)) * merged * (merged + output)
    rectangles = 3 if str(vision.get("model_type", "")).startswith("qwen2_5_vl") else 2
    return {"vision_parameters": depth * (4 * width * width + rectangles * width * wide) + mergers}


def _experts(text: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    if not entry.get("experts"):
        return {}
    width = entry.get("expert_intermediate") or entry.get("intermediate", 0)
    shared = text.get("n_shared_experts")
    found = {"expert_intermediate": width}
    if _count(shared):
        found["shared_intermediate"] = shared * width
    if (
        text.get("model_type") == "llama4_text"
    ):  # transformers 5.23, models/llama4/modeling_llama4.py: one shared expert
        found |= {"shared_intermediate": width, "intermediate": text.get("intermediate_size_mlp") or width}
        found["dense_layers"] = entry["layers"] - entry["layers"] // (text.get("interleave_moe_layer_step") or 1)
    return found


def _quantization(config: Mapping[str, Any]) -> dict[str, Any]:
    quantization = config.get("quantization_config")
    if not isinstance(quantization, Mapping):
        return {}
    block = quantization.get("weight_block_size")
    found: dict[str, Any] = {"quantization": str(quantization.get("quant_method") or "")}
    if isinstance(block, list) and block and _count(block[0]):
        found["quantization_block"] = block[0]
    return found


def with_weights(entry: Mapping[str, Any], weight_bytes: int, elements: Mapping[str, int]) -> dict[str, Any]:
    """The entry with what the weight files say: parameters of plain numbers, bytes of anything packed or mixed.

    `elements` are numbers of elements by type as safetensors names it; the type the model runs in may be another than
    the stored one, so a plain checkpoint counts by its parameters. Nothing is added where both are empty.
    """
    if elements and set(elements) <= _PLAIN and not entry.get("quantization"):
        return {**entry, "parameters": sum(elements.values())}
    return {**entry, "weight_bytes": weight_bytes} if weight_bytes else dict(entry)
