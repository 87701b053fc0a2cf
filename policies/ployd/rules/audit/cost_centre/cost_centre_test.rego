package ployd.rules.audit.cost_centre_test

import data.ployd.rules.audit.cost_centre as rule

_label := "ployd.ai/cost-centre"

_any := {"label": _label, "pattern": null}

_form := {"label": _label, "pattern": "cc-[0-9]{4}"}

_judged(kind, written, parameters) := {
	"request": {"kind": kind, "object": written},
	"ployd": {"parameters": {"audit.cost_centre": parameters}},
}

_model_kind := {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"}

_model(change, parameters) := _judged(
	_model_kind,
	object.union({"spec": {"scaling": {"maxReplicas": 4}, "resources": {"gpu": {"count": 2}}}}, change),
	parameters,
)

_gpu_pod(resources) := {"containers": [{"name": "vllm", "resources": resources}, {"name": "sidecar"}]}

_deployment(metadata, labels, resources, parameters) := _judged(
	{"group": "apps", "version": "v1", "kind": "Deployment"},
	{"metadata": metadata, "spec": {"template": {"metadata": {"labels": labels}, "spec": _gpu_pod(resources)}}},
	parameters,
)

_two := {"limits": {"nvidia.com/gpu": 2}}

test_warns_of_a_model_nobody_pays_for if {
	rule.warn == {{
		"msg": "nobody is named who pays for up to 8 GPUs",
		"path": ["spec", "budget", "costCentre"],
		"remedy": "Write the cost centre in spec.budget.costCentre, or as the label ployd.ai/cost-centre.",
	}} with input as _model({}, _any)
}

test_warns_of_what_is_no_cost_centre if {
	every value in [null, "", "  ", 3, true, [], {}] {
		rows := rule.warn with input as _model({"spec": {"budget": {"costCentre": value}}, "metadata": {"labels": {_label: value}}}, _any)
		{row.path | some row in rows} == {["spec", "budget", "costCentre"]}
	}
	every budget in [null, "x", []] {
		rows := rule.warn with input as _model({"spec": {"budget": budget}, "metadata": null}, _any)
		count(rows) == 1
	}
}

test_warns_of_a_model_whose_gpus_cannot_be_counted if {
	every spec in [{}, {"scaling": {"maxReplicas": "4"}}, {"scaling": {"maxReplicas": 1}, "resources": {"gpu": {"count": 1}}}] {
		rows := rule.warn with input as _judged(_model_kind, {"spec": spec}, _form)
		{[row.msg, row.remedy] | some row in rows} == {[
			"nobody is named who pays for its GPUs",
			concat(" ", [
				"Write the cost centre in spec.budget.costCentre, or as the label ployd.ai/cost-centre,",
				"of the form cc-[0-9]{4}.",
			]),
		]}
	}
}

test_allows_either_place_of_a_model if {
	every change in [{"spec": {"budget": {"costCentre": "cc-4711"}}}, {"metadata": {"labels": {_label: "cc-4711"}}}] {
		rule.warn == set() with input as _model(change, _form)
		rule.warn == set() with input as _model(change, _any)
	}
}

test_warns_of_a_cost_centre_of_another_form if {
	rule.warn == {{
		"msg": "cost centre \"marketing\" is not of the form cc-[0-9]{4}",
		"path": ["spec", "budget", "costCentre"],
		"remedy": "Write a cost centre of the form cc-[0-9]{4}.",
	}} with input as _model({"spec": {"budget": {"costCentre": "marketing"}}}, _form)
	both := {"spec": {"budget": {"costCentre": "cc-4711"}}, "metadata": {"labels": {_label: "cc-47111"}}}
	rows := rule.warn with input as _model(both, _form)
	{row.path | some row in rows} == {["metadata", "labels", _label]}
}

test_warns_of_a_workload_with_gpus if {
	rule.warn == {{
		"msg": "nobody is named who pays for 2 nvidia.com/gpu of container vllm",
		"path": ["spec", "template", "metadata", "labels", "ployd.ai/cost-centre"],
		"remedy": "Add the label ployd.ai/cost-centre with the cost centre to the pods.",
	}} with input as _deployment({}, {}, _two, _any)
}

test_warns_of_all_replicas if {
	one := _deployment({}, {}, _two, _any)
	rows := rule.warn with input as object.union(one, {"request": {"object": {"spec": {"replicas": 3}}}})
	{row.msg | some row in rows} == {"nobody is named who pays for 2 nvidia.com/gpu of container vllm, in 3 replicas"}
	every replicas in [1, null, "3"] {
		single := rule.warn with input as object.union(one, {"request": {"object": {"spec": {"replicas": replicas}}}})
		{row.msg | some row in single} == {"nobody is named who pays for 2 nvidia.com/gpu of container vllm"}
	}
}

test_warns_of_every_sort_of_gpu_and_every_kind_of_pod if {
	every resources in [
		{"limits": {"amd.com/gpu": 1}},
		{"limits": {"nvidia.com/mig-1g.10gb": "1"}},
		{"requests": {"nvidia.com/gpu.shared": 1}},
	] {
		rows := rule.warn with input as _judged({"group": "", "kind": "Pod"}, {"spec": _gpu_pod(resources)}, _any)
		{row.path | some row in rows} == {["metadata", "labels", _label]}
	}
	job := {"spec": {"jobTemplate": {"spec": {"template": {"spec": _gpu_pod(_two)}}}}}
	rows := rule.warn with input as _judged({"group": "batch", "kind": "CronJob"}, job, _any)
	{row.path | some row in rows} == {["spec", "jobTemplate", "spec", "template", "metadata", "labels", _label]}
}

test_warns_where_the_label_never_reaches_the_pods if {
	rows := rule.warn with input as _deployment({"labels": {_label: "cc-4711"}}, {}, _two, _form)
	{row.path | some row in rows} == {["spec", "template", "metadata", "labels", _label]}
}

test_allows_a_label_of_the_pods if {
	rule.warn == set() with input as _deployment({}, {_label: "cc-4711"}, _two, _form)
	pod := {"metadata": {"labels": {_label: "cc-4711"}}, "spec": _gpu_pod(_two)}
	rule.warn == set() with input as _judged({"group": "", "kind": "Pod"}, pod, _form)
	rows := rule.warn with input as _deployment({}, {_label: "x"}, _two, _form)
	{row.path | some row in rows} == {["spec", "template", "metadata", "labels", _label]}
}

test_warns_of_parameters_that_cannot_be_used if {
	every value in [null, "", 3, [], {}] {
		parameters := {"label": value, "pattern": null}
		rows := rule.warn with input as _model({"spec": {"budget": {"costCentre": "cc-4711"}}}, parameters)
		{row.path | some row in rows} == {[]}
		nameless := rule.warn with input as _deployment({}, {}, _two, parameters)
		{row.path | some row in nameless} == {[]}
	}
	every value in [3, true, [], {}, "cc-[0-9"] {
		rows := rule.warn with input as _model({"spec": {"budget": {"costCentre": "cc-4711"}}}, {"label": _label, "pattern": value})
		{row.path | some row in rows} == {[]}
	}
	none := rule.warn with input as {"request": _model({}, {}).request}
	{row.msg | some row in none} == {"parameter label of rule audit.cost_centre is not set; it must be the name of a label, or nothing can be allowed"}
}

test_is_silent_on_workloads_without_gpus if {
	every resources in [{}, null, "x", {"limits": null}, {"limits": {"cpu": 1}}, {"limits": {"nvidia.com/gpu": 0}}, {"limits": {"nvidia.com/gpu": "x"}}] {
		rule.warn == set() with input as _deployment({}, {}, resources, _any)
		rule.warn == set() with input as _deployment({}, {}, resources, {})
	}
}

test_is_silent_on_other_kinds_and_deletions if {
	every change in [{"object": null}, {"kind": {"kind": "GatewayRoute"}}, {"kind": {"group": "example.com"}}] {
		rule.warn == set() with input as object.union(_model({}, _any), {"request": change})
	}
	gone := object.union(_deployment({}, {}, _two, _any), {"request": {"object": null}})
	rule.warn == set() with input as gone
}
