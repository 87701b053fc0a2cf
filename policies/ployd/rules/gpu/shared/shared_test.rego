package ployd.rules.gpu.shared_test

import data.ployd.rules.gpu.shared as rule

_args := ["spec", "containers", 0, "args"]

_server := {
	"kind": "Pod",
	"path": ["spec", "containers", 0],
	"settings": {},
	"gpu": {"shared": true, "written": "NVIDIA-A10G-SHARED", "path": ["spec", "nodeSelector", "nvidia.com/gpu.product"]},
	"estimate": {"settings": {"utilization": 0.92}},
}

_share(value) := {"settings": {"gpu_memory_utilization": {"value": value, "path": array.concat(_args, [2])}}}

_document(changes, parameters) := {"ployd": {
	"parameters": {"gpu.shared": parameters},
	"capacity": {"servers": [object.union(_server, changes)]},
}}

_with(changes) := _document(changes, {"replicas": null})

test_denies_a_share_that_nobody_wrote if {
	rule.deny == {{
		"msg": "NVIDIA-A10G-SHARED is given to several pods at once, and --gpu-memory-utilization is not set: vLLM takes 0.92",
		"path": _args,
		"remedy": "Set --gpu-memory-utilization to at most 0.5.",
		"related": [{"msg": "the GPU", "path": ["spec", "nodeSelector", "nvidia.com/gpu.product"]}],
	}} with input as _with({})
	unknown := rule.deny with input as _with({"estimate": null})
	{row.msg | some row in unknown} == {concat("", [
		"NVIDIA-A10G-SHARED is given to several pods at once, ",
		"and --gpu-memory-utilization is not set: vLLM takes most of it",
	])}
}

test_denies_more_than_a_part if {
	rows := rule.deny with input as _with(_share(0.6))
	{[row.msg, row.path] | some row in rows} == {[
		"NVIDIA-A10G-SHARED is given to several pods at once, and --gpu-memory-utilization is 0.6",
		array.concat(_args, [2]),
	]}
	every value in ["0.4", [], {}, true] {
		odd := rule.deny with input as _with(_share(value))
		count(odd) == 1
	}
}

test_denies_by_how_many_pods_share_it if {
	rows := rule.deny with input as _document(_share(0.4), {"replicas": 3})
	{[row.msg, row.remedy] | some row in rows} == {[
		"NVIDIA-A10G-SHARED is given to 3 pods at once, and --gpu-memory-utilization is 0.4",
		"Set --gpu-memory-utilization to at most 0.33.",
	]}
}

test_allows_a_part if {
	every document in [_with(_share(0.5)), _with(_share(0.1)), _document(_share(0.25), {"replicas": 4}), _document(_share(0.9), {"replicas": 1})] {
		rule.deny == set() with input as document
	}
}

test_allows_whole_gpus if {
	every shared in [false, null, "x"] {
		rule.deny == set() with input as _with({"gpu": {"shared": shared}})
	}
}

test_denies_where_the_parameter_is_unusable if {
	every replicas in [0, -1, 1.5, "2", [], true] {
		rows := rule.deny with input as _document(_share(0.4), {"replicas": replicas})
		{row.remedy | some row in rows} == {"Set replicas of gpu.shared in the environments data."}
	}
}

test_is_silent_where_nothing_is_served if {
	every document in [{}, {"ployd": {"capacity": {"servers": []}}}, {"ployd": {"capacity": {"servers": [{}, null]}}}] {
		rule.deny == set() with input as document
	}
}
