package ployd.rules.canary.models_exist_test

import data.ployd.rules.canary.models_exist as rule

_entry(id, cluster) := {"id": id, "apiVersion": "ployd.ai/v1", "cluster": cluster, "labels": {}, "spec": {}}

_objects := {
	"production": {"ModelDeployment": {
		"models": {"chat-v2-0": [_entry(1, "")], "chat-v2-1": [_entry(2, "aws")]},
		"": {"anywhere": [_entry(3, "")]},
	}},
	"staging": {"ModelDeployment": {"models": {"chat-v2-2": [_entry(4, "")]}}},
	"": {"ModelDeployment": {"models": {"shared": [_entry(5, "")]}}},
}

_judged_in(cluster, namespace, spec) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "CanaryDeployment"},
		"namespace": namespace,
		"object": {"spec": spec},
	},
	"ployd": {
		"self": {"environment": "production", "cluster": cluster, "id": 9},
		"inventory": {"order": ["staging", "production"], "objects": _objects},
	},
}

_judged(stable, canary) := _judged_in("", "models", {"stable": {"model": stable}, "canary": {"model": canary}})

test_allows_two_models_that_exist if {
	rule.deny == set() with input as _judged("chat-v2-0", "chat-v2-1")
	rule.deny == set() with input as _judged("anywhere", "shared")
}

test_denies_a_missing_model_and_points_at_what_is_like_it if {
	rule.deny == {{
		"msg": "no ModelDeployment models/chat-v2-2 in production",
		"path": ["spec", "canary", "model"],
		"remedy": "Correct the name or add the model to this environment. Did you mean chat-v2-0 or chat-v2-1?",
		"related": [
			{"msg": "chat-v2-0 is here", "path": ["metadata", "name"], "object": 1},
			{"msg": "chat-v2-1 is here", "path": ["metadata", "name"], "object": 2},
		],
	}} with input as _judged("chat-v2-0", "chat-v2-2")
	rows := rule.deny with input as _judged("zephyr", "chat-v2-1")
	{row.path | some row in rows} == {["spec", "stable", "model"]}
}

test_denies_a_model_compared_with_itself if {
	rule.deny == {{
		"msg": "the canary is its own stable model: chat-v2-0",
		"path": ["spec", "canary", "model"],
		"remedy": "Name the new model under canary and the one that serves now under stable.",
		"related": [{"msg": "the stable model", "path": ["spec", "stable", "model"]}],
	}} with input as _judged("chat-v2-0", "chat-v2-0")
}

test_denies_absent_null_wrong_and_empty_names if {
	every value in [null, "", 3, true, [], {}] {
		rule.deny == {{
			"msg": "canary.model names no ModelDeployment",
			"path": ["spec", "canary", "model"],
			"remedy": "Write the name of a ModelDeployment.",
		}} with input as _judged("chat-v2-0", value)
	}
	every spec in [{}, null, [], {"stable": null, "canary": "x"}] {
		rows := rule.deny with input as _judged_in("", "models", spec)
		{row.path | some row in rows} == {["spec", "stable", "model"], ["spec", "canary", "model"]}
	}
}

test_takes_no_namespace_for_any if {
	spec := {"stable": {"model": "chat-v2-0"}, "canary": {"model": "chat-v2-1"}}
	rule.deny == set() with input as _judged_in("", "", spec)
	rows := rule.deny with input as _judged_in("", "other", spec)
	{row.msg | some row in rows} == {
		"no ModelDeployment other/chat-v2-0 in production",
		"no ModelDeployment other/chat-v2-1 in production",
	}
	missing := rule.deny with input as _judged_in("", "", object.union(spec, {"canary": {"model": "absent"}}))
	{row.msg | some row in missing} == {"no ModelDeployment absent in production"}
}

test_takes_a_model_of_another_cluster_for_missing if {
	spec := {"stable": {"model": "chat-v2-0"}, "canary": {"model": "chat-v2-1"}}
	rule.deny == set() with input as _judged_in("aws", "models", spec)
	rows := rule.deny with input as _judged_in("azure", "models", spec)
	{row.path | some row in rows} == {["spec", "canary", "model"]}
}

test_names_the_place_of_objects_without_an_environment if {
	nowhere := {"ployd": {"self": {"environment": "", "cluster": "", "id": 9}}}
	rows := rule.deny with input as object.union(_judged("shared", "chat-v2-0"), nowhere)
	{row.msg | some row in rows} == {"no ModelDeployment models/chat-v2-0 in what was read"}
}

test_is_silent_without_an_inventory_on_other_kinds_and_deletions if {
	judged := _judged("absent", "absent")
	rule.deny == set() with input as {"request": judged.request}
	other := object.union(judged, {"request": {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}}})
	rule.deny == set() with input as other
	rule.deny == set() with input as object.union(judged, {"request": {"object": null}})
}
