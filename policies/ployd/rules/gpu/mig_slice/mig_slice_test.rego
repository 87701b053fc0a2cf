package ployd.rules.gpu.mig_slice_test

import data.ployd.rules.gpu.mig_slice as rule

_count := ["spec", "resources", "gpu", "count"]

_gpu(mig) := {"mig": mig, "known": true, "name": "H100-80GB 3g.40gb", "countPath": _count}

_server(change) := object.union(
	{
		"owner": "the model server",
		"kind": "ModelDeployment",
		"path": ["spec", "model"],
		"settings": {},
		"environment": {},
		"gpu": _gpu("3g.40gb"),
		"parallel": {"tensor": 1, "pipeline": 1, "copies": 1, "gpus": 1},
	},
	change,
)

_judged(servers) := {"request": {"object": {"spec": {}}}, "ployd": {"capacity": {"servers": servers}}}

_two := {"parallel": {"tensor": 2, "gpus": 2}}

test_denies_several_slices if {
	settings := {"tensor_parallel_size": {"value": 2, "path": ["spec", "model", "vllm", "tensor_parallel_size"]}}
	rule.deny == {{
		"msg": "the model server spreads the model over 2 MIG slices (3g.40gb), which cannot work as one",
		"path": ["spec", "model", "vllm", "tensor_parallel_size"],
		"remedy": "Take one slice: set the parallel sizes and resources.gpu.count to 1; or take a whole H100-80GB.",
	}} with input as _judged([_server(object.union(_two, {"settings": settings}))])
}

test_denies_slices_that_the_platform_spreads_over if {
	rows := rule.deny with input as _judged([_server(_two)])
	{row.path | some row in rows} == {_count}
	settings := {
		"tensor_parallel_size": {"value": 1, "path": ["tp"]},
		"data_parallel_size": {"value": 2, "path": ["dp"]},
	}
	copies := rule.deny with input as _judged([_server(object.union(_two, {"settings": settings}))])
	{row.path | some row in copies} == {["dp"]}
}

test_denies_slices_of_a_pod_that_no_catalogue_has if {
	limits := {"cpu": "4", "nvidia.com/mig-1g.10gb.me": 2}
	server := {
		"owner": "container vllm",
		"kind": "Pod",
		"path": ["spec", "containers", 0],
		"gpu": {"mig": "", "name": "", "countPath": ["spec", "containers", 0, "resources", "limits"]},
		"settings": {"tensor_parallel_size": {"value": 2, "path": ["spec", "containers", 0, "args", 1]}},
		"parallel": {"gpus": 2},
	}
	document := {
		"request": {"object": {"spec": {"containers": [{"resources": {"limits": limits}}]}}},
		"ployd": {"capacity": {"servers": [server]}},
	}
	rule.deny == {{
		"msg": "container vllm spreads the model over 2 MIG slices (1g.10gb.me), which cannot work as one",
		"path": ["spec", "containers", 0, "args", 1],
		"remedy": "Take one slice: set the parallel sizes and the limit to 1; or take a whole GPU.",
	}} with input as document
}

test_denies_the_uuid_of_a_slice if {
	slice := "MIG-377e0049-554c-540b-93c6-d0976f8426cb"
	path := ["spec", "model", "vllm", "env", 0]
	rule.deny == {{
		"msg": concat(" ", [
			"the model server sets CUDA_VISIBLE_DEVICES to \"MIG-377e0049-554c-540b-93c6-d0976f8426cb\";",
			"vLLM reads it as numbers and stops",
		]),
		"path": path,
		"remedy": "Remove CUDA_VISIBLE_DEVICES: the container sees the slice it asks for under limits.",
	}} with input as _judged([_server({"environment": {"CUDA_VISIBLE_DEVICES": {"value": slice, "path": path}}})])
	several := {"NVIDIA_VISIBLE_DEVICES": {"value": concat(",", [slice, slice]), "path": path}}
	rows := rule.deny with input as _judged([_server({"environment": several})])
	{endswith(row.msg, "; it takes a slice that the device plugin may have given to another pod") | some row in rows} == {true}
}

test_allows_one_slice_whole_gpus_and_numbers if {
	other := {"CUDA_VISIBLE_DEVICES": {"value": "0,1", "path": []}, "NVIDIA_VISIBLE_DEVICES": {"value": "all", "path": []}}
	every change in [{}, {"environment": other}, object.union(_two, {"gpu": _gpu("")})] {
		rule.deny == set() with input as _judged([_server(change)])
	}
}

test_is_silent_on_what_is_absent_or_of_another_type if {
	every change in [
		{"gpu": null, "parallel": {"gpus": 2}},
		{"gpu": {"mig": null}, "parallel": {"gpus": 2}},
		{"gpu": {"mig": 3}, "parallel": {"gpus": 2}},
		{"parallel": null},
		{"parallel": {"gpus": null}},
		{"environment": null},
		{"environment": {"CUDA_VISIBLE_DEVICES": null}},
		{"environment": {"CUDA_VISIBLE_DEVICES": {"value": null, "path": []}}},
		{"environment": {"CUDA_VISIBLE_DEVICES": {"value": 0, "path": []}}},
	] {
		rule.deny == set() with input as _judged([_server(change)])
	}
	rule.deny == set() with input as {"request": {"object": null}, "ployd": {"capacity": {"servers": [_server(_two).gpu]}}}
}

test_is_silent_without_servers if {
	every document in [{}, {"ployd": {}}, _judged([]), _judged(null)] {
		rule.deny == set() with input as document
	}
}
