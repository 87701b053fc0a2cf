package ployd.rules.labels.required_test

import data.ployd.rules.labels.required as rule

_parameters := {"labels": ["name", "owner"], "kinds": {"ModelDeployment": ["version"]}}

_judged(kind, metadata, parameters) := {
	"request": {"kind": {"group": "ployd.ai", "version": "v1", "kind": kind}, "object": {"metadata": metadata}},
	"ployd": {"parameters": {"labels.required": parameters}},
}

test_allows_objects_with_all_labels if {
	labels := {"name": "a", "owner": "b", "version": "v1", "other": "c"}
	every kind in ["ModelDeployment", "GatewayRoute", "CanaryDeployment"] {
		rule.deny == set() with input as _judged(kind, {"labels": labels}, _parameters)
	}
	rule.deny == set() with input as _judged("GatewayRoute", {"labels": {"name": "a", "owner": "b"}}, _parameters)
}

test_denies_each_missing_label_for_itself if {
	rule.deny == {
		{
			"msg": "label owner is missing",
			"path": ["metadata", "labels", "owner"],
			"remedy": "Add owner to metadata.labels of this ModelDeployment.",
		},
		{
			"msg": "label version is missing",
			"path": ["metadata", "labels", "version"],
			"remedy": "Add version to metadata.labels of this ModelDeployment.",
		},
	} with input as _judged("ModelDeployment", {"labels": {"name": "a"}}, _parameters)
}

test_denies_absent_null_wrong_and_empty_labels if {
	every metadata in [{}, {"labels": null}, {"labels": []}, {"labels": "x"}, {"labels": {}}, null, []] {
		rows := rule.deny with input as _judged("GatewayRoute", metadata, _parameters)
		{row.msg | some row in rows} == {"label name is missing", "label owner is missing"}
	}
	bare := {
		"request": {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": {}},
		"ployd": {"parameters": {"labels.required": _parameters}},
	}
	rows := rule.deny with input as bare
	count(rows) == 2
}

test_denies_labels_that_say_nothing if {
	rows := rule.deny with input as _judged("GatewayRoute", {"labels": {"name": " ", "owner": 3}}, _parameters)
	{row.msg | some row in rows} == {"label name is empty", "label owner is 3, not text"}
}

test_denies_everything_without_parameters if {
	labels := {"labels": {"name": "a", "owner": "b", "version": "v1"}}
	rows := rule.deny with input as {"request": _judged("GatewayRoute", labels, {}).request}
	{row.msg | some row in rows} == {"parameter labels of rule labels.required is not set; it must be a list of labels, or nothing can be allowed"}
	wrong := rule.deny with input as _judged("GatewayRoute", labels, {"labels": "name", "kinds": []})
	{row.msg | some row in wrong} == {
		"parameter labels of rule labels.required is \"name\"; it must be a list of labels, or nothing can be allowed",
		"parameter kinds of rule labels.required is a list; it must be a mapping of kinds to lists of labels, or nothing can be allowed",
	}
}

test_denies_everything_under_lists_of_other_things if {
	labels := {"labels": {"name": "a", "owner": "b", "version": "v1"}}
	every odd in [{"labels": ["name", 3]}, {"labels": [null]}, {"labels": [], "kinds": {"GatewayRoute": "owner"}}] {
		rows := rule.deny with input as _judged("GatewayRoute", labels, odd)
		{row.path | some row in rows} == {[]}
	}
}

test_allows_an_environment_that_demands_nothing if {
	rule.deny == set() with input as _judged("GatewayRoute", {}, {"labels": []})
}

test_is_silent_on_other_kinds_and_deletions if {
	pod := {"kind": {"group": "", "kind": "Pod"}, "object": {"metadata": {}}}
	gone := {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": null}
	every request in [pod, gone] {
		rule.deny == set() with input as {"request": request, "ployd": {"parameters": {"labels.required": _parameters}}}
	}
}
