package ployd.rules.gpu.quantization_support_test

import data.ployd.rules.gpu.quantization_support as rule

_server := {
	"kind": "ModelDeployment",
	"path": ["spec", "model"],
	"settings": {},
	"gpu": {"name": "V100-16GB", "path": ["spec", "resources", "gpu", "type"], "computeCapability": [7, 0]},
	"model": {"name": "meta-llama/Meta-Llama-3.1-8B", "path": ["spec", "model", "path"], "quantization": "awq"},
	"requires": {"quantization": "awq", "quantizationCapability": [7, 5]},
	"refusals": [{"term": "quantization", "text": "awq needs 7.5; V100-16GB is older"}],
	"remedies": {"gpus": [{"name": "L4", "count": 1}]},
}

_with(changes) := {"ployd": {"capacity": {"servers": [object.union(_server, changes)]}}}

test_denies_a_gpu_that_is_too_old_for_the_quantization if {
	rule.deny == {{
		"msg": "awq needs compute capability 7.5; V100-16GB has 7.0",
		"path": ["spec", "resources", "gpu", "type"],
		"remedy": "Take a GPU of compute capability 7.5 or newer (1 x L4), or a checkpoint that is not awq.",
		"related": [{"msg": "the weights are awq", "path": ["spec", "model", "path"]}],
	}} with input as _with({})
}

test_denies_where_the_quantization_is_written if {
	place := ["spec", "model", "vllm", "quantization"]
	rows := rule.deny with input as _with({"settings": {"quantization": {"value": "awq", "path": place}}})
	{row.related[0].path | some row in rows} == {place}
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
