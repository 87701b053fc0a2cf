package ployd.rules.gpu.bfloat16_test

import data.ployd.rules.gpu.bfloat16 as rule

_server := {
	"kind": "ModelDeployment",
	"path": ["spec", "model"],
	"settings": {"dtype": {"value": "bfloat16", "path": ["spec", "model", "vllm", "dtype"]}},
	"gpu": {"name": "T4", "path": ["spec", "resources", "gpu", "type"], "computeCapability": [7, 5], "bf16": false},
	"model": {"type": "llama"},
	"refusals": [{"term": "bfloat16", "text": "T4 has no bfloat16"}],
	"remedies": {"gpus": [{"name": "L4", "count": 1}]},
}

_vllm := {"quantization": {"float16Refused": ["gemma3"]}}

_with(changes) := {"ployd": {"capacity": {"servers": [object.union(_server, changes)]}}}

test_denies_bfloat16_on_a_gpu_without_it if {
	rule.deny == {{
		"msg": "dtype is bfloat16, and T4 has none (compute capability 7.5)",
		"path": ["spec", "model", "vllm", "dtype"],
		"remedy": "Set dtype to half, or take 1 x L4.",
		"related": [{"msg": "the GPU", "path": ["spec", "resources", "gpu", "type"]}],
	}} with input as _with({}) with data.ployd.vllm as _vllm
}

test_denies_in_pods_in_the_words_of_the_command_line if {
	place := ["spec", "containers", 0, "args", 2]
	rows := rule.deny with input as _with({"kind": "Pod", "settings": {"dtype": {"path": place}}}) with data.ployd.vllm as _vllm
	{[row.msg, row.path] | some row in rows} == {["--dtype is bfloat16, and T4 has none (compute capability 7.5)", place]}
}

test_offers_what_the_model_runs_in if {
	rows := rule.deny with input as _with({"model": {"type": "gemma3"}, "remedies": {"gpus": []}}) with data.ployd.vllm as _vllm
	{row.remedy | some row in rows} == {"Set dtype to float32, or take a GPU that has bfloat16."}
	unread := rule.deny with input as _with({"remedies": {"gpus": []}}) with data.ployd.vllm as {}
	{row.remedy | some row in unread} == {"Set dtype to half, or take a GPU that has bfloat16."}
}

test_allows_what_is_not_refused if {
	every refusals in [[], null, "x", [{"term": "float16", "text": "x"}]] {
		rule.deny == set() with input as _with({"refusals": refusals}) with data.ployd.vllm as _vllm
	}
}

test_is_silent_where_nothing_is_served if {
	every document in [{}, {"ployd": {"capacity": {"servers": []}}}, {"ployd": {"capacity": {"servers": [{}, null]}}}] {
		rule.deny == set() with input as document
	}
}
