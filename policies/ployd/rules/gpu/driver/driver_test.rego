package ployd.rules.gpu.driver_test

import data.ployd.rules.gpu.driver as rule

_vllm := {"cuda": {"source": "test", "drivers": {"11": 450, "12": 525, "13": 580}}}

_major := "nvidia.com/cuda.driver-version.major"

_server(cuda, environment) := {
	"owner": "the model server",
	"kind": "ModelDeployment",
	"path": ["spec", "model"],
	"version": {"text": "0.20.0", "cuda": cuda},
	"environment": environment,
}

_model(selector, cuda, environment) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
		"object": {"spec": {"placement": {"nodeSelector": selector}}},
	},
	"ployd": {"capacity": {"servers": [_server(cuda, environment)]}},
}

_pod(specification) := {
	"request": {"kind": {"group": "", "version": "v1", "kind": "Pod"}, "object": {"spec": specification}},
	"ployd": {"capacity": {"servers": [object.union(_server("13.0", {}), {"owner": "container vllm", "kind": "Pod"})]}},
}

_required(terms) := {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}

_affinity(expressions) := _pod({"affinity": {"nodeAffinity": _required([{"matchExpressions": expressions}])}})

test_warns_of_an_older_driver if {
	rule.warn == {{
		"msg": "the model server needs driver 580 (CUDA 13.0), but the pod may run on driver 535",
		"path": ["spec", "placement", "nodeSelector", "nvidia.com/cuda.driver-version.major"],
		"remedy": "Choose nodes with driver 580 or newer, or an image of CUDA 12.",
	}} with input as _model({_major: "535"}, "13.0", {})
		with data.ployd.vllm as _vllm
}

test_warns_by_every_label_and_without_an_image_to_offer if {
	every selector in [{"nvidia.com/cuda.driver.major": "418"}, {"nvidia.com/cuda.driver-version.full": "418.54.15"}] {
		rows := rule.warn with input as _model(selector, "12.9", {})
			with data.ployd.vllm as _vllm
		{row.remedy | some row in rows} == {"Choose nodes with driver 525 or newer."}
	}
	pod := rule.warn with input as _pod({"nodeSelector": {_major: "550"}})
		with data.ployd.vllm as _vllm
	{row.path | some row in pod} == {["spec", "nodeSelector", _major]}
}

test_warns_by_required_affinity if {
	several := {"key": "nvidia.com/cuda.driver-version.major", "operator": "In", "values": ["580", "550"]}
	rows := rule.warn with input as _affinity([several])
		with data.ployd.vllm as _vllm
	{[row.path, row.msg] | some row in rows} == {[
		[
			"spec",
			"affinity",
			"nodeAffinity",
			"requiredDuringSchedulingIgnoredDuringExecution",
			"nodeSelectorTerms",
			0,
			"matchExpressions",
			0,
			"values",
			1,
		],
		"container vllm needs driver 580 (CUDA 13.0), but the pod may run on driver 550",
	]}
	every case in [["Gt", "550", 551], ["Lt", "560", 559]] {
		bounded := rule.warn with input as _affinity([{"key": _major, "operator": case[0], "values": [case[1]]}])
			with data.ployd.vllm as _vllm
		{endswith(row.msg, sprintf(" driver %d", [case[2]])) | some row in bounded} == {true}
	}
}

test_allows_drivers_that_are_new_enough if {
	every selector in [{_major: "580"}, {_major: "610"}, {"nvidia.com/cuda.driver-version.full": "580.65.06"}] {
		rule.warn == set() with input as _model(selector, "13.0", {})
			with data.ployd.vllm as _vllm
	}
	rule.warn == set() with input as _model({_major: "535"}, "12.9", {})
		with data.ployd.vllm as _vllm
	every expression in [
		{"key": _major, "operator": "Gt", "values": ["579"]},
		{"key": _major, "operator": "In", "values": ["580", "590"]},
		{"key": _major, "operator": "NotIn", "values": ["550"]},
		{"key": _major, "operator": "Exists"},
	] {
		rule.warn == set() with input as _affinity([expression])
			with data.ployd.vllm as _vllm
	}
}

test_allows_the_libraries_for_older_drivers if {
	every value in ["1", "true", "True"] {
		environment := {"VLLM_ENABLE_CUDA_COMPATIBILITY": {"value": value, "path": []}}
		rule.warn == set() with input as _model({_major: "550"}, "13.0", environment)
			with data.ployd.vllm as _vllm
	}
	every value in ["0", null, 1] {
		environment := {"VLLM_ENABLE_CUDA_COMPATIBILITY": {"value": value, "path": []}}
		rows := rule.warn with input as _model({_major: "550"}, "13.0", environment)
			with data.ployd.vllm as _vllm
		count(rows) == 1
	}
}

test_is_silent_where_no_driver_is_chosen_or_nothing_is_known if {
	every selector in [{}, null, "x", {_major: null}, {_major: 535}, {_major: "true"}, {"nvidia.com/gpu.product": "NVIDIA-L4"}] {
		rule.warn == set() with input as _model(selector, "13.0", {})
			with data.ployd.vllm as _vllm
	}
	every cuda in ["", "rocm6.3", null, 13, "14.1"] {
		rule.warn == set() with input as _model({_major: "535"}, cuda, {})
			with data.ployd.vllm as _vllm
	}
	every data_of_vllm in [{}, {"cuda": null}, {"cuda": {"drivers": "x"}}, {"cuda": {"drivers": {"13": "580"}}}] {
		rule.warn == set() with input as _model({_major: "535"}, "13.0", {})
			with data.ployd.vllm as data_of_vllm
	}
}

test_is_silent_on_parts_of_other_types if {
	every terms in [null, "x", [null, "x", {}, {"matchExpressions": null}, {"matchExpressions": [null, "x", {}, {"key": _major}]}]] {
		rule.warn == set() with input as _pod({"affinity": {"nodeAffinity": _required(terms)}})
			with data.ployd.vllm as _vllm
	}
	rule.warn == set() with input as _affinity([{"key": _major, "operator": "In", "values": "550"}])
		with data.ployd.vllm as _vllm
	every specification in [null, "x", [], {"affinity": null, "nodeSelector": 3}] {
		rule.warn == set() with input as _pod(specification)
			with data.ployd.vllm as _vllm
	}
}

test_is_silent_on_other_kinds_and_deletions if {
	every change in [{"object": null}, {"kind": {"kind": "Service", "group": ""}}] {
		rule.warn == set() with input as object.union(_model({_major: "535"}, "13.0", {}), {"request": change})
			with data.ployd.vllm as _vllm
		rule.warn == set() with input as object.union(_pod({"nodeSelector": {_major: "535"}}), {"request": change})
			with data.ployd.vllm as _vllm
	}
}
