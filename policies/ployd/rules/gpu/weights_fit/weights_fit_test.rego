package ployd.rules.gpu.weights_fit_test

import data.ployd.rules.gpu.weights_fit as rule

_server := {
	"kind": "ModelDeployment",
	"path": ["spec", "model"],
	"version": {"text": "0.19.1", "path": ["spec", "model", "image"]},
	"settings": {},
	"gpu": {
		"name": "H100-80GB", "written": "NVIDIA-H100-80GB-HBM3", "alternatives": [],
		"path": ["spec", "resources", "gpu", "type"], "countPath": ["spec", "resources", "gpu", "count"],
	},
	"model": {"name": "meta-llama/Meta-Llama-3-70B", "exact": true, "path": ["spec", "model", "path"]},
	"parallel": {"tensor": 1, "pipeline": 1, "copies": 1, "gpus": 1},
	"verdict": "FAILS",
	"deciding": "weights",
	"estimate": {
		"gib": {
			"weights": {"optimistic": 130.1, "expected": 131.4, "pessimistic": 134.1},
			"budget": {"optimistic": 71.27, "expected": 71.27, "pessimistic": 71.27},
		},
		"settings": {"utilization": 0.9},
	},
	"remedies": {"fittingTensorParallelSizes": [4, 8], "maxModelLen": 0, "gpus": [{"name": "H200", "count": 8}, {"name": "L4", "count": 8}]},
}

_with(changes) := {"ployd": {"capacity": {"servers": [object.union(_server, changes)]}}}

test_denies_weights_that_do_not_fit if {
	rule.deny == {{
		"msg": concat("", [
			"the weights do not fit: they need 131.4 GiB (130.1 to 134.1) on each H100-80GB, ",
			"of which vLLM may use 71.3 GiB at gpu_memory_utilization 0.9",
		]),
		"path": ["spec", "resources", "gpu", "count"],
		"remedy": "Set tensor_parallel_size to 4 on 4 GPUs, or take 8 x H200 or 8 x L4.",
		"related": [{"msg": "computed with the figures of meta-llama/Meta-Llama-3-70B", "path": ["spec", "model", "path"]}],
	}} with input as _with({})
	rule.warn == set() with input as _with({})
}

test_warns_of_weights_that_may_not_fit if {
	rows := rule.warn with input as _with({"verdict": "UNCERTAIN"})
	{row.msg | some row in rows} == {concat("", [
		"the weights may not fit: they need 131.4 GiB (130.1 to 134.1) on each H100-80GB, ",
		"of which vLLM may use 71.3 GiB at gpu_memory_utilization 0.9",
	])}
	rule.deny == set() with input as _with({"verdict": "UNCERTAIN"})
}

test_says_so_where_nothing_known_holds_it if {
	rows := rule.deny with input as _with({"remedies": {"fittingTensorParallelSizes": [], "gpus": []}})
	{row.remedy | some row in rows} == {concat("", [
		"Take a smaller model or a checkpoint of fewer bits: ",
		"no GPUs of one node that are known here hold this one.",
	])}
}

test_allows_what_fits_or_fails_for_another_reason if {
	every changes in [
		{"verdict": "FITS"}, {"verdict": "UNKNOWN", "deciding": "", "estimate": null}, {"deciding": "kv_cache"},
		{"deciding": "attention_heads"}, {"verdict": null}, {"deciding": null}, {"estimate": null},
	] {
		rule.deny == set() with input as _with(changes)
		rule.warn == set() with input as _with(changes)
	}
}

test_is_silent_where_nothing_is_served if {
	every document in [{}, {"ployd": {"capacity": {"servers": []}}}, {"ployd": {"capacity": {"servers": [{}, null]}}}] {
		rule.deny == set() with input as document
		rule.warn == set() with input as document
	}
}
