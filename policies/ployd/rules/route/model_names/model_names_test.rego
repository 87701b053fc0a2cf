package ployd.rules.route.model_names_test

import data.ployd.rules.route.model_names as rule

_entry_in(id, cluster, model) := {"id": id, "apiVersion": "ployd.ai/v1", "cluster": cluster, "labels": {}, "spec": {"model": model}}

_entry(id, model) := _entry_in(id, "", model)

_deployments := {
	"large": [_entry(1, {"name": "llama-3.3-70b"})],
	"small": [_entry(2, {"name": "llama-3.1-8b"})],
	"old": [_entry(3, {"name": "llama-3.3-70b"})],
	"both": [_entry(4, {"name": "x", "vllm": {"served_model_name": ["llama-3.1-8b", "llama-3.3-70b", 3]}})],
	"nameless": [_entry(5, {})],
	"adapters": [_entry(6, {"name": "base", "vllm": {"enable_lora": true}})],
	"arguments": [_entry(7, {"name": "base", "vllm": {"extraArgs": [3, "--served-model-name=llama-3.3-70b"]}})],
	"regional": [_entry_in(8, "aws", {"name": "llama-3.3-70b"}), _entry_in(9, "azure", {"name": "mistral"})],
}

_judged_in(cluster, models) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "GatewayRoute"},
		"namespace": "models",
		"name": "chat",
		"object": {"spec": {"models": models}},
	},
	"ployd": {
		"self": {"environment": "production", "cluster": cluster, "id": 20},
		"inventory": {"objects": {
			"production": {"ModelDeployment": {"models": _deployments, "other": {"far": [_entry(10, {"name": "far"})]}}},
			"": {"ModelDeployment": {"": {"anywhere": [_entry(11, {"name": "llama-3.3-70b"})]}}},
			"staging": {"ModelDeployment": {"models": {"rehearsal": [_entry(12, {"name": "rehearsal"})]}}},
		}},
	},
}

_judged(models) := _judged_in("", models)

_named(names) := _judged([{"name": name} | some name in names])

test_allows_backends_that_serve_one_name if {
	every names in [["large", "old"], ["large", "both"], ["both", "small"], ["large"], ["large", "anywhere"], []] {
		rule.warn == set() with input as _named(names)
	}
}

test_allows_an_override_with_the_name_that_is_served if {
	every override in [["small", "llama-3.1-8b"], ["both", "llama-3.1-8b"]] {
		models := [{"name": "large"}, {"name": override[0], "modelNameOverride": override[1]}]
		rule.warn == set() with input as _judged(models)
	}
	rule.warn == set() with input as _judged([{"name": "large", "modelNameOverride": "llama-3.3-70b"}, {"name": "small"}])
}

_denied := {
	"msg": "small answers with 404 where clients ask for llama-3.3-70b: it serves llama-3.1-8b",
	"path": ["spec", "models", 1, "modelNameOverride"],
	"remedy": "Set modelNameOverride to llama-3.1-8b, or add llama-3.3-70b to served_model_name of small.",
	"related": [
		{"msg": "what it serves", "path": ["spec", "model", "name"], "object": 2},
		{"msg": "what large serves, which is asked first", "path": ["spec", "model", "name"], "object": 1},
	],
}

# The name in the house for a rule that speaks; this one only warns.
test_denies_nothing_and_warns_of_another_name if {
	rule.warn == {_denied} with input as _named(["large", "small"])
	rule.warn == {_denied} with input as _named(["large", "small", "old"])
	models := [{"name": "large"}, {"name": "small", "weight": 0, "fallback": true, "modelNameOverride": null}]
	rule.warn == {_denied} with input as _judged(models)
}

test_warns_of_what_is_asked_second_where_the_fallback_is_first_in_the_list if {
	rows := rule.warn with input as _judged([{"name": "small", "fallback": true}, {"name": "large"}])
	{row.path | some row in rows} == {["spec", "models", 0, "modelNameOverride"]}
}

test_warns_by_the_host_before_the_name if {
	models := [{"name": "large"}, {"name": "old", "service": "small.models.svc.cluster.local"}]
	rows := rule.warn with input as _judged(models)
	{row.msg | some row in rows} == {"old answers with 404 where clients ask for llama-3.3-70b: it serves llama-3.1-8b"}
	far := rule.warn with input as _judged([{"name": "large"}, {"name": "a", "service": "far.other"}])
	{row.related[0].object | some row in far} == {10}
}

test_warns_of_an_override_that_is_not_served if {
	rule.warn == {{
		"msg": "small answers with 404 when it is asked for llama-3.1-8B: it serves llama-3.1-8b",
		"path": ["spec", "models", 1, "modelNameOverride"],
		"remedy": "Set modelNameOverride to llama-3.1-8b.",
		"related": [{"msg": "what it serves", "path": ["spec", "model", "name"], "object": 2}],
	}} with input as _judged([{"name": "large"}, {"name": "small", "modelNameOverride": "llama-3.1-8B"}])
	rows := rule.warn with input as _judged([{"name": "both", "modelNameOverride": "x"}])
	{row.msg | some row in rows} == {"both answers with 404 when it is asked for x: it serves llama-3.1-8b or llama-3.3-70b"}
	{row.related[0].path | some row in rows} == {["spec", "model", "vllm", "served_model_name"]}
	every override in [3, [], {}, true, ""] {
		found := rule.warn with input as _judged([{"name": "small", "modelNameOverride": override}])
		count(found) == 1
	}
}

test_is_silent_about_backends_whose_names_are_not_known if {
	every name in ["nameless", "adapters", "arguments", "rehearsal", "not there"] {
		rule.warn == set() with input as _named(["large", name])
		rule.warn == set() with input as _judged([{"name": "large"}, {"name": name, "modelNameOverride": "x"}])
	}
}

test_allows_what_the_cluster_of_the_route_serves if {
	models := [{"name": "large"}, {"name": "regional"}]
	rule.warn == set() with input as _judged_in("aws", models)
	rule.warn == set() with input as _judged_in("", models)
	rows := rule.warn with input as _judged_in("azure", models)
	{row.msg | some row in rows} == {"regional answers with 404 where clients ask for llama-3.3-70b: it serves mistral"}
}

test_leaves_models_of_another_type_to_the_schema if {
	every models in [null, "x", 3, {}, [null], ["x"], [{}], [{"name": 3}], [{"name": "large"}, {"name": ["small"]}]] {
		rule.warn == set() with input as _judged(models)
	}
	rows := rule.warn with input as _judged([{"name": "large"}, {"name": "small", "service": 3}])
	count(rows) == 1
}

test_is_silent_without_an_inventory_and_on_other_kinds if {
	judged := _named(["large", "small"])
	rule.warn == set() with input as {"request": judged.request}
	rule.warn == set() with input as {"request": judged.request, "ployd": {"self": judged.ployd.self}}
	rule.warn == set() with input as object.union(judged, {"request": {"kind": {"group": "ployd.ai", "kind": "CanaryDeployment"}}})
	rule.warn == set() with input as object.union(judged, {"request": {"object": null}})
}
