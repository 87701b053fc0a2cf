package ployd.rules.gpu.quantization_dtype_test

import data.ployd.rules.gpu.quantization_dtype as rule

_vllm := {"quantization": {"halfOnly": {"methods": ["awq", "gptq"], "before": "0.12"}}}

_server := {
	"kind": "ModelDeployment",
	"path": ["spec", "model"],
	"version": {"text": "0.11.0", "path": ["spec", "model", "image"]},
	"settings": {
		"dtype": {"value": "bfloat16", "path": ["spec", "model", "vllm", "dtype"]},
		"quantization": {"value": "awq", "path": ["spec", "model", "vllm", "quantization"]},
	},
	"refusals": [],
}

_with(changes) := {"ployd": {"capacity": {"servers": [object.union(_server, changes)]}}}

test_denies_bfloat16_beside_a_method_of_float16 if {
	rule.deny == {{
		"msg": "awq of vLLM 0.11.0 runs in float16 only, and dtype is bfloat16",
		"path": ["spec", "model", "vllm", "dtype"],
		"remedy": "Set dtype to half, or leave quantization out, or pin vLLM 0.12 or newer.",
		"related": [{"msg": "awq is asked for by name", "path": ["spec", "model", "vllm", "quantization"]}],
	}} with input as _with({}) with data.ployd.vllm as _vllm
}

test_allows_what_vllm_takes if {
	every changes in [
		{"version": {"text": "0.12.0"}},
		{"version": {"text": ""}},
		{"version": {"text": null}},
		{"settings": {"dtype": {"value": "half"}}},
		{"settings": {"dtype": {"value": ["bfloat16"]}}},
		{"settings": {"quantization": {"value": "awq_marlin"}}},
		{"settings": {"quantization": {"value": null}}},
		{"settings": {"quantization": {"value": 4}}},
	] {
		rule.deny == set() with input as _with(changes) with data.ployd.vllm as _vllm
	}
}

test_allows_what_is_left_out if {
	every name in ["dtype", "quantization"] {
		settings := object.remove(_server.settings, [name])
		server := object.union(object.remove(_server, ["settings"]), {"settings": settings})
		rule.deny == set() with input as {"ployd": {"capacity": {"servers": [server]}}} with data.ployd.vllm as _vllm
	}
}

test_is_silent_where_the_gpu_has_no_bfloat16_at_all if {
	rule.deny == set() with input as _with({"refusals": [{"term": "bfloat16", "text": "x"}]}) with data.ployd.vllm as _vllm
}

test_is_silent_without_data_or_servers if {
	every vllm in [{}, {"quantization": null}, {"quantization": {"halfOnly": {"methods": "awq", "before": 12}}}] {
		rule.deny == set() with input as _with({}) with data.ployd.vllm as vllm
	}
	every document in [{}, {"ployd": {"capacity": {"servers": []}}}, {"ployd": {"capacity": {"servers": [{}, null]}}}] {
		rule.deny == set() with input as document with data.ployd.vllm as _vllm
	}
}
