package ployd.rules.gpu.kv_cache_fits_test

import data.ployd.rules.gpu.kv_cache_fits as rule

_length := ["spec", "model", "vllm", "max_model_len"]

_share := ["spec", "model", "vllm", "gpu_memory_utilization"]

_computed := [{"msg": "computed with the figures of meta-llama/Llama-2-7b-hf", "path": ["spec", "model", "path"]}]

_exactly(value) := {"optimistic": value, "expected": value, "pessimistic": value}

_server := {
	"kind": "ModelDeployment",
	"path": ["spec", "model"],
	"version": {"text": "0.8.5", "path": ["spec", "model", "image"]},
	"settings": {"max_model_len": {"value": 4096, "path": _length}},
	"gpu": {
		"name": "V100-16GB", "written": "V100", "alternatives": [], "shared": false,
		"path": ["spec", "resources", "gpu", "type"], "countPath": ["spec", "resources", "gpu", "count"],
	},
	"model": {"name": "meta-llama/Llama-2-7b-hf", "exact": true, "path": ["spec", "model", "path"]},
	"parallel": {"tensor": 1, "pipeline": 1, "copies": 1, "gpus": 1},
	"verdict": "FAILS",
	"deciding": "kv_cache",
	"estimate": {
		"gib": {
			"visible": _exactly(15.77),
			"budget": _exactly(14.19),
			"weights": {"optimistic": 12.43, "expected": 12.55, "pessimistic": 12.8},
			"activation": {"optimistic": 0.19, "expected": 0.38, "pessimistic": 0.49},
			"kv_available": {"optimistic": 1.57, "expected": 1.01, "pessimistic": 0.4},
			"headroom": {"optimistic": 0.94, "expected": 0.48, "pessimistic": 0.39},
		},
		"kv": {"bytesPerToken": 524288, "neededGiB": 2.0},
		"settings": {"utilization": 0.9, "maxNumSeqs": 256, "maxModelLen": 4096},
	},
	"remedies": {"fittingTensorParallelSizes": [2, 4], "maxModelLen": 800, "gpus": [{"name": "L4", "count": 1}, {"name": "A10G", "count": 1}]},
}

_with(changes) := {"ployd": {"capacity": {"servers": [object.union(_server, changes)]}}}

test_denies_a_cache_that_holds_no_request if {
	rows := rule.deny with input as _with({})
	rows == {{
		"msg": concat("", [
			"one request of 4,096 tokens needs 2.00 GiB of KV cache on each V100-16GB, ",
			"but 1.01 GiB (0.40 to 1.57) is left beside the weights",
		]),
		"path": _length,
		"remedy": "Set max_model_len to at most 800, or set tensor_parallel_size to 2 on 2 GPUs, or take 1 x L4 or 1 x A10G.",
		"related": _computed,
	}}
	rule.warn == set() with input as _with({})
}

test_denies_the_context_of_the_model_where_no_length_is_written if {
	server := object.union(object.remove(_server, ["settings"]), {"settings": {}})
	rows := rule.deny with input as {"ployd": {"capacity": {"servers": [server]}}}
	{[row.msg, row.path] | some row in rows} == {[
		concat("", [
			"one request of 4,096 tokens (max_model_len is not set: all the model's context) needs 2.00 GiB of KV cache ",
			"on each V100-16GB, but 1.01 GiB (0.40 to 1.57) is left beside the weights",
		]),
		_length,
	]}
}

test_denies_where_nothing_is_left if {
	nothing := {"estimate": {"gib": {"kv_available": {"optimistic": -0.2, "expected": -0.9, "pessimistic": -2}}}, "remedies": {"maxModelLen": 0}}
	rows := rule.deny with input as _with(nothing)
	{[row.msg, row.path, row.remedy] | some row in rows} == {[
		concat("", [
			"nothing is left for a KV cache: weights of 12.6 GiB and activations of 0.38 GiB take all 14.2 GiB ",
			"of each V100-16GB that vLLM may use",
		]),
		["spec", "resources", "gpu", "count"],
		"Set tensor_parallel_size to 2 on 2 GPUs, or take 1 x L4 or 1 x A10G.",
	]}
}

test_says_so_where_nothing_known_holds_it if {
	rows := rule.deny with input as _with({"remedies": {"fittingTensorParallelSizes": [], "maxModelLen": 0, "gpus": []}})
	{row.remedy | some row in rows} == {concat("", [
		"Take a smaller model or a checkpoint of fewer bits: ",
		"no GPUs of one node that are known here hold this one.",
	])}
}

test_warns_and_offers_a_known_version if {
	rows := rule.warn with input as _with({"verdict": "UNCERTAIN", "version": {"text": ""}})
	{[row.remedy, count(row.related)] | some row in rows} == {[
		concat("", [
			"Set max_model_len to at most 800, or pin the version of vLLM, on which the figures depend, ",
			"or set tensor_parallel_size to 2 on 2 GPUs, or take 1 x L4 or 1 x A10G.",
		]),
		2,
	]}
}

test_warns_of_a_cache_that_may_hold_no_request if {
	rows := rule.warn with input as _with({"verdict": "UNCERTAIN", "estimate": {"kv": {"neededGiB": 1.25}}})
	{row.msg | some row in rows} == {concat("", [
		"one request of 4,096 tokens needs 1.25 GiB of KV cache on each V100-16GB, ",
		"and 1.01 GiB (0.40 to 1.57) may be left beside the weights",
	])}
	rule.deny == set() with input as _with({"verdict": "UNCERTAIN"})
}

test_allows_a_length_that_vllm_makes_fit if {
	every length in ["auto", -1] {
		changes := {"settings": {"max_model_len": {"value": length}}}
		rule.deny == set() with input as _with(changes)
		nothing := {"estimate": {"gib": {"kv_available": {"optimistic": -0.2, "expected": -0.9, "pessimistic": -2}}}}
		rows := rule.deny with input as _with(object.union(changes, nothing))
		count(rows) == 1
	}
}

_graphs := {
	"deciding": "cuda_graphs",
	"estimate": {
		"gib": {
			"headroom": {"optimistic": -0.1, "expected": -0.4, "pessimistic": -0.8},
			"kv_available": {"optimistic": 9, "expected": 8, "pessimistic": 7},
		},
		"settings": {"utilization": 0.98, "maxNumSeqs": 1024},
	},
}

test_denies_graphs_that_do_not_fit if {
	rows := rule.deny with input as _with(_graphs)
	rows == {{
		"msg": concat("", [
			"CUDA graphs and sampler warm-up do not fit: 0.40 GiB (0.10 to 0.80) is missing on each V100-16GB, ",
			"of which gpu_memory_utilization 0.98 leaves 1.58 GiB",
		]),
		"path": _share,
		"remedy": "Set gpu_memory_utilization to at most 0.92, or set max_num_seqs below 1,024.",
		"related": _computed,
	}}
	rule.warn == set() with input as _with(_graphs)
}

test_warns_of_graphs_that_may_not_fit if {
	rows := rule.warn with input as _with(object.union(_graphs, {"verdict": "UNCERTAIN"}))
	{row.msg | some row in rows} == {concat("", [
		"CUDA graphs and sampler warm-up may not fit: up to 0.80 GiB is missing on each V100-16GB, ",
		"of which gpu_memory_utilization 0.98 leaves 1.58 GiB",
	])}
}

test_offers_no_share_at_which_the_cache_fails if {
	tight := {"estimate": {"gib": {"kv_available": {"optimistic": 9, "expected": 5, "pessimistic": 2.5}}}}
	rows := rule.deny with input as _with(object.union(_graphs, tight))
	{row.remedy | some row in rows} == {"Set max_num_seqs below 1,024."}
}

test_leaves_a_shared_gpu_to_its_own_rule if {
	rule.deny == set() with input as _with(object.union(_graphs, {"gpu": {"shared": true}}))
}

test_warns_of_a_virtual_gpu if {
	rows := rule.warn with input as _with({"verdict": "UNCERTAIN", "deciding": "virtual_gpu"})
	rows == {{
		"msg": "V100-16GB is a virtual GPU: how much of its memory vLLM gets is not known, so nothing is certain",
		"path": ["spec", "resources", "gpu", "type"],
		"remedy": "Start it once on this profile and read the log, or take 1 x L4 or 1 x A10G.",
		"related": _computed,
	}}
}

test_allows_what_fits_or_fails_for_another_reason if {
	every changes in [
		{"verdict": "FITS"}, {"verdict": "FITS", "deciding": "cuda_graphs"}, {"verdict": "UNKNOWN", "deciding": "", "estimate": null},
		{"deciding": "weights"}, {"deciding": "context"}, {"deciding": null}, {"verdict": null}, {"estimate": null},
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
