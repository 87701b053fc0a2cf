package ployd.rules.gpu.interconnect_test

import data.ployd.rules.gpu.interconnect as rule

_server := {
	"kind": "ModelDeployment",
	"path": ["spec", "model"],
	"settings": {},
	"gpu": {"known": true, "name": "L40S", "path": ["spec", "resources", "gpu", "type"], "link": "PCIe"},
	"parallel": {"tensor": 2, "pipeline": 1, "copies": 1, "gpus": 2},
}

_document(changes, parameters) := {"ployd": {
	"parameters": {"gpu.interconnect": parameters},
	"capacity": {"servers": [object.union(_server, changes)]},
}}

_with(changes) := _document(changes, {"allowed": []})

test_warns_of_tensor_parallelism_over_pcie if {
	rule.warn == {{
		"msg": "2 GPUs share each layer over PCIe: L40S has no NVLink",
		"path": ["spec", "model", "vllm", "tensor_parallel_size"],
		"remedy": "Set pipeline_parallel_size to 2 and tensor_parallel_size to 1, or add --disable-custom-all-reduce.",
		"related": [{"msg": "the GPU", "path": ["spec", "resources", "gpu", "type"]}],
	}} with input as _with({})
}

test_warns_and_keeps_the_gpus_in_its_remedy if {
	rows := rule.warn with input as _with({"kind": "Pod", "parallel": {"tensor": 4, "pipeline": 2}})
	{row.remedy | some row in rows} == {concat("", [
		"Set --pipeline-parallel-size to 8 and --tensor-parallel-size to 1, ",
		"or add --disable-custom-all-reduce.",
	])}
}

test_allows_other_links_and_single_gpus if {
	every changes in [
		{"gpu": {"link": "NVLink"}},
		{"gpu": {"link": null}},
		{"parallel": {"tensor": 1, "pipeline": 2}},
		{"parallel": null},
	] {
		rule.warn == set() with input as _with(changes)
	}
}

test_allows_what_was_tried_and_what_is_switched_off if {
	rule.warn == set() with input as _document({}, {"allowed": ["L4", "L40S"]})
	off := {"settings": {"disable_custom_all_reduce": {"value": true, "path": ["x"]}}}
	rule.warn == set() with input as _with(off)
	on := {"settings": {"disable_custom_all_reduce": {"value": false, "path": ["x"]}}}
	rows := rule.warn with input as _with(on)
	count(rows) == 1
}

test_warns_where_the_parameter_is_unusable if {
	every allowed in [null, "L40S", 3, {}] {
		rows := rule.warn with input as _document({}, {"allowed": allowed})
		{row.remedy | some row in rows} == {
			"Set allowed of gpu.interconnect in the environments data.",
			"Set pipeline_parallel_size to 2 and tensor_parallel_size to 1, or add --disable-custom-all-reduce.",
		}
	}
}

test_denies_nothing_that_it_warns_of if {
	# regal ignore:unresolved-reference
	not rule.deny with input as _with({})
}

test_is_silent_where_nothing_is_served if {
	every document in [{}, {"ployd": {"capacity": {"servers": []}}}, {"ployd": {"capacity": {"servers": [{}, null]}}}] {
		rule.warn == set() with input as document
	}
}
