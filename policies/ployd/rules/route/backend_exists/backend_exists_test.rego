package ployd.rules.route.backend_exists_test

import data.ployd.rules.route.backend_exists as rule

_entry(id, cluster) := {"id": id, "apiVersion": "v1", "cluster": cluster, "labels": {}, "spec": {}, "gpus": 0, "gpusBefore": 0}

_objects := {
	"production": {
		"ModelDeployment": {"models": {"chat-v2-1": [_entry(1, "")], "chat-v2-0": [_entry(2, "")]}},
		"Service": {"models": {"gate": [_entry(3, "aws")]}, "": {"anywhere": [_entry(4, "")]}},
	},
	"staging": {"ModelDeployment": {"models": {"only-staging": [_entry(5, "")]}}},
	"": {"Service": {"models": {"shared": [_entry(6, "")]}}},
}

_judged(namespace, models) := _judged_in("", namespace, models)

_judged_in(cluster, namespace, models) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "GatewayRoute"},
		"namespace": namespace,
		"object": {"spec": {"models": models}},
	},
	"ployd": {
		"self": {"environment": "production", "cluster": cluster, "id": 9},
		"inventory": {"order": ["staging", "production"], "objects": _objects},
	},
}

test_allows_backends_that_exist if {
	every model in [
		{"name": "chat-v2-1"},
		{"name": "chat-v2-1", "service": null},
		{"name": "chat-v2-1", "service": ""},
		{"name": "x", "service": "chat-v2-1"},
		{"name": "x", "service": "chat-v2-1.models"},
		{"name": "x", "service": "chat-v2-1.models.svc.cluster.local"},
		{"name": "x", "service": "gate.models.svc"},
		{"name": "x", "service": "shared"},
		{"name": "x", "service": "anywhere.models"},
		{"name": "x", "service": "api.example.com"},
	] {
		rule.deny == set() with input as _judged("models", [model])
	}
}

test_denies_a_missing_service_and_points_at_what_is_like_it if {
	rule.deny == {{
		"msg": "no Service or ModelDeployment models/chat-v2-7 in production",
		"path": ["spec", "models", 1, "service"],
		"remedy": "Correct the name or add it to this environment. Did you mean chat-v2-0 or chat-v2-1?",
		"related": [
			{"msg": "chat-v2-0 is here", "path": ["metadata", "name"], "object": 2},
			{"msg": "chat-v2-1 is here", "path": ["metadata", "name"], "object": 1},
		],
	}} with input as _judged("models", [{"service": "chat-v2-1"}, {"service": "chat-v2-7.models.svc.cluster.local"}])
}

test_denies_a_missing_model if {
	rule.deny == {{
		"msg": "no ModelDeployment models/only-staging in production",
		"path": ["spec", "models", 0, "name"],
		"remedy": "Correct the name or add it to this environment.",
		"related": [],
	}} with input as _judged("models", [{"name": "only-staging"}])
}

test_denies_a_model_of_another_namespace if {
	rows := rule.deny with input as _judged("other", [{"name": "chat-v2-1"}])
	{row.msg | some row in rows} == {"no ModelDeployment other/chat-v2-1 in production"}
}

test_takes_no_namespace_for_any if {
	rule.deny == set() with input as _judged("", [{"name": "chat-v2-1"}])
	rows := rule.deny with input as _judged("", [{"name": "absent"}])
	{row.msg | some row in rows} == {"no ModelDeployment absent in production"}
}

test_takes_a_service_of_another_cluster_for_missing if {
	rule.deny == set() with input as _judged_in("aws", "models", [{"service": "gate"}])
	rows := rule.deny with input as _judged_in("azure", "models", [{"service": "gate"}])
	{row.path | some row in rows} == {["spec", "models", 0, "service"]}
}

test_names_the_place_of_objects_without_an_environment if {
	nowhere := {"self": {"environment": "", "cluster": "", "id": 9}}
	judged := object.union(_judged("models", [{"name": "chat-v2-1"}]), {"ployd": nowhere})
	rows := rule.deny with input as judged
	{row.msg | some row in rows} == {"no ModelDeployment models/chat-v2-1 in what was read"}
}

test_leaves_models_of_another_type_to_the_schema if {
	every models in [null, "x", 3, {}, [null], ["x"], [{}], [{"name": 3}], [{"name": "chat-v2-1", "service": 3}]] {
		rule.deny == set() with input as _judged("models", models)
	}
	bare := object.union(_judged("models", []), {"request": {"object": null}})
	rule.deny == set() with input as bare
}

test_is_silent_without_an_inventory_and_on_other_kinds if {
	judged := _judged("models", [{"name": "absent"}])
	rule.deny == set() with input as {"request": judged.request, "ployd": {"self": judged.ployd.self}}
	rule.deny == set() with input as {"request": judged.request}
	other := object.union(judged, {"request": {"kind": {"group": "ployd.ai", "kind": "CanaryDeployment"}}})
	rule.deny == set() with input as other
}
