package ployd.rules.gpu.float16_models_test

import data.ployd.rules.gpu.float16_models as rule

_server := {
	"kind": "ModelDeployment",
	"path": ["spec", "model"],
	"settings": {},
	"gpu": {"name": "T4", "path": ["spec", "resources", "gpu", "type"], "computeCapability": [7, 5], "bf16": false},
	"model": {"name": "google/gemma-3-12b-it", "type": "gemma3", "path": ["spec", "model", "path"], "quantization": ""},
	"refusals": [{"term": "float16", "text": "gemma3 does not run in float16"}],
	"remedies": {"gpus": [{"name": "A100-40GB", "count": 1}]},
}

_half := {"settings": {"dtype": {"value": "half", "path": ["spec", "model", "vllm", "dtype"]}}}

_with(changes) := {"ployd": {"capacity": {"servers": [object.union(_server, changes)]}}}

test_denies_a_gpu_that_leaves_float16_only if {
	rule.deny == {{
		"msg": concat("", [
			"gemma3 does not run in float16, and T4 has no bfloat16; ",
			"unless dtype says so, vLLM refuses it or takes float32, twice the memory",
		]),
		"path": ["spec", "model", "vllm", "dtype"],
		"remedy": "Set dtype to float32, or take 1 x A100-40GB.",
		"related": [
			{"msg": "the model is google/gemma-3-12b-it", "path": ["spec", "model", "path"]},
			{"msg": "the GPU", "path": ["spec", "resources", "gpu", "type"]},
		],
	}} with input as _with({})
}

test_denies_float16_that_was_asked_for if {
	rows := rule.deny with input as _with(object.union(_half, {"gpu": {"name": "L4", "bf16": true}}))
	{[row.msg, row.remedy] | some row in rows} == {["gemma3 does not run in float16, and dtype is half", "Set dtype to bfloat16."]}
	on_t4 := rule.deny with input as _with(_half)
	{row.remedy | some row in on_t4} == {"Set dtype to float32, or take 1 x A100-40GB."}
}

test_offers_no_float32_to_quantized_weights if {
	rows := rule.deny with input as _with({"model": {"quantization": "awq"}, "remedies": {"gpus": []}})
	{row.remedy | some row in rows} == {"Take a GPU that has bfloat16."}
}

test_allows_what_is_not_refused if {
	every refusals in [[], null, "x", [{"term": "bfloat16", "text": "x"}]] {
		rule.deny == set() with input as _with({"refusals": refusals})
	}
}

test_is_silent_where_nothing_is_served if {
	every document in [{}, {"ployd": {"capacity": {"servers": []}}}, {"ployd": {"capacity": {"servers": [{}, null]}}}] {
		rule.deny == set() with input as document
	}
}
