package ployd.rules.promotion.lower_environment_test

import data.ployd.rules.promotion.lower_environment as rule

_entry := [{"id": 1, "apiVersion": "ployd.ai/v1", "cluster": "", "labels": {}, "spec": {}}]

_judged(environment, objects) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
		"namespace": "models",
		"name": "chat",
		"object": {},
	},
	"ployd": {
		"self": {"environment": environment, "cluster": "", "id": 9},
		"inventory": {"order": ["dev", "staging", "production"], "objects": objects},
	},
}

_has(name) := {"ModelDeployment": {"models": {name: _entry}}}

test_allows_a_model_of_any_lower_environment if {
	every environment in ["dev", "staging"] {
		rule.deny == set() with input as _judged("production", {environment: _has("chat"), "production": _has("chat")})
	}
	elsewhere := {"staging": {"ModelDeployment": {"rehearsal": {"chat": _entry}}}}
	rule.deny == set() with input as _judged("production", elsewhere)
}

test_denies_a_model_that_was_nowhere_before if {
	rule.deny == {{
		"msg": "chat is in production, but in no lower environment",
		"path": ["metadata", "name"],
		"remedy": "Deploy it to dev or staging first, under the same name.",
	}} with input as _judged("production", {"dev": _has("code"), "staging": _has("code"), "production": _has("chat")})
	rows := rule.deny with input as _judged("production", {"staging": {"Service": {"models": {"chat": _entry}}}})
	{row.remedy | some row in rows} == {"Deploy it to staging first, under the same name."}
}

test_is_silent_in_lower_environments_and_outside_all if {
	every environment in ["dev", "staging", ""] {
		rule.deny == set() with input as _judged(environment, {"dev": _has("code"), "staging": _has("code")})
	}
}

test_is_silent_where_no_lower_environment_was_read if {
	every objects in [{"production": _has("chat")}, {"dev": {}, "production": _has("chat")}, {}] {
		rule.deny == set() with input as _judged("production", objects)
	}
}

test_is_silent_without_a_name_an_inventory_or_an_object_and_on_other_kinds if {
	judged := _judged("production", {"dev": _has("code")})
	rule.deny == set() with input as {"request": judged.request}
	rule.deny == set() with input as {"request": judged.request, "ployd": {"self": judged.ployd.self}}
	every change in [{"name": ""}, {"object": null}, {"kind": {"kind": "GatewayRoute"}}] {
		rule.deny == set() with input as object.union(judged, {"request": change})
	}
	empty := {"inventory": {"order": [], "objects": {}}}
	bare := {"request": judged.request, "ployd": object.union({"self": judged.ployd.self}, empty)}
	rule.deny == set() with input as bare
}
