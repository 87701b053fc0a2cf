package ployd.rules.identity.unique_test

import data.ployd.rules.identity.unique as rule

_entry(id, api_version, cluster) := {"id": id, "apiVersion": api_version, "cluster": cluster, "labels": {}, "spec": {}}

_judged(environment, cluster, id, entries) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
		"namespace": "models",
		"name": "chat",
		"object": {"metadata": {"name": "chat"}},
	},
	"ployd": {
		"self": {"environment": environment, "cluster": cluster, "id": id},
		"inventory": {"objects": {environment: {"ModelDeployment": {"models": {"chat": entries}}}}},
	},
}

_row := {
	"msg": "ModelDeployment models/chat is already defined",
	"path": ["metadata", "name"],
	"remedy": "Remove one of the two definitions, or give one another name or namespace.",
	"related": [{"msg": "defined here first", "path": ["metadata", "name"], "object": 3}],
}

_two := [_entry(3, "ployd.ai/v1", ""), _entry(7, "ployd.ai/v1", "")]

test_denies_the_later_definition if {
	rule.deny == {_row} with input as _judged("production", "", 7, _two)
	rule.warn == set() with input as _judged("production", "", 7, _two)
	three := array.concat(_two, [_entry(9, "ployd.ai/v1beta1", "")])
	rule.deny == {_row} with input as _judged("production", "", 9, three)
}

test_allows_names_the_api_server_makes if {
	generated := {"metadata": {"generateName": "chat"}}
	document := json.patch(_judged("production", "", 7, _two), [{"op": "replace", "path": "/request/object", "value": generated}])
	rule.deny == set() with input as document
	rule.warn == set() with input as document
}

test_allows_the_first_and_the_only_definition if {
	rule.deny == set() with input as _judged("production", "", 3, _two)
	rule.deny == set() with input as _judged("production", "", 7, [_entry(7, "ployd.ai/v1", "")])
}

test_warns_where_no_environment_is_known if {
	rule.warn == {_row} with input as _judged("", "", 7, _two)
	rule.deny == set() with input as _judged("", "", 7, _two)
}

test_allows_one_definition_for_each_cluster if {
	entries := [_entry(3, "ployd.ai/v1", "aws"), _entry(7, "ployd.ai/v1", "azure")]
	rule.deny == set() with input as _judged("production", "azure", 7, entries)
}

test_allows_the_same_name_in_another_group if {
	entries := [_entry(3, "example.com/v1", ""), _entry(4, "v1", ""), _entry(7, "ployd.ai/v1", "")]
	rule.deny == set() with input as _judged("production", "", 7, entries)
}

test_denies_in_the_core_group_and_without_a_namespace if {
	judged := {
		"request": {"kind": {"group": "", "kind": "Namespace"}, "namespace": "", "name": "models", "object": {"metadata": {"name": "models"}}},
		"ployd": {
			"self": {"environment": "production", "cluster": "", "id": 2},
			"inventory": {"objects": {"production": {"Namespace": {"": {"models": [_entry(1, "v1", ""), _entry(2, "v1", "")]}}}}},
		},
	}
	rows := rule.deny with input as judged
	{row.msg | some row in rows} == {"Namespace models is already defined"}
}

test_is_silent_for_generated_names if {
	judged := object.union(_judged("production", "", 7, []), {"request": {"name": ""}})
	inventory := {"inventory": {"objects": {"production": {"ModelDeployment": {"models": {"": _two}}}}}}
	rule.deny == set() with input as object.union(judged, {"ployd": inventory})
}

test_is_silent_without_an_inventory_or_a_place_in_it if {
	judged := _judged("production", "", 7, _two)
	rule.deny == set() with input as {"request": judged.request}
	rule.deny == set() with input as {"request": judged.request, "ployd": {"self": judged.ployd.self}}
	rule.deny == set() with input as {"request": judged.request, "ployd": {"inventory": judged.ployd.inventory}}
	rule.warn == set() with input as {"request": judged.request}
}
