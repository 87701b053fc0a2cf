package ployd.rules.pod.rollout_test

import data.ployd.rules.pod.rollout as rule

_place := ["spec", "template", "spec", "containers", 0, "resources", "limits", "nvidia.com/gpu"]

_server(kind, gpus) := {"kind": kind, "path": ["spec"], "gpu": {"count": gpus, "countPath": _place}}

_input(specification, gpus, spare) := {
	"request": {"kind": {"group": "apps", "kind": "Deployment"}, "object": {"spec": specification}},
	"ployd": {
		"parameters": {"pod.rollout": {"spareGPUs": spare}},
		"capacity": {"servers": [_server("Deployment", gpus)]},
	},
}

_rolling(surge, unavailable) := {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}

_related := [{"msg": "GPUs of one pod: 2", "path": _place}]

_alone := "Set strategy.type to Recreate; nothing answers while the new pod loads."

_several := "Set strategy.rollingUpdate to maxSurge: 0 and maxUnavailable: 1; one pod less answers meanwhile."

test_warns_of_the_default_strategy_of_few_replicas if {
	rows := rule.warn with input as _input({"replicas": 3}, 2, null)
	rows == {{
		"msg": "a rollout starts another pod before it stops one of 3, by default: 2 GPUs must be free, or it never ends",
		"path": ["spec", "strategy"],
		"remedy": concat(" ", [_several, "Or write maxSurge: 1 and maxUnavailable: 0, if GPUs are kept free."]),
		"related": _related,
	}}
	rule.deny == set() with input as _input({"replicas": 3}, 2, null)
	every specification in [
		{},
		{"replicas": null},
		{"replicas": "3"},
		{"replicas": 1, "strategy": {"type": "RollingUpdate"}},
		{"strategy": null},
		{"strategy": {"rollingUpdate": null}},
		{"strategy": {"rollingUpdate": "x"}},
		{"strategy": _rolling(null, null)},
	] {
		found := rule.warn with input as _input(specification, 2, null)
		{row.remedy | some row in found} == {concat(" ", [_alone, "Or write maxSurge: 1 and maxUnavailable: 0, if GPUs are kept free."])}
		{row.msg | some row in found} == {"a rollout starts another pod before it stops the only one, by default: 2 GPUs must be free, or it never ends"}
	}
}

test_allows_what_was_decided_where_no_spare_gpus_are_declared if {
	every strategy in [_rolling(1, 0), _rolling("25%", "0%"), _rolling(null, 0), _rolling(1, null)] {
		rule.deny == set() with input as _input({"replicas": 3, "strategy": strategy}, 2, null)
		rule.warn == set() with input as _input({"replicas": 3, "strategy": strategy}, 2, null)
	}
}

test_denies_a_surge_for_which_there_are_no_gpus if {
	rows := rule.deny with input as _input({"replicas": 3, "strategy": _rolling(1, 0)}, 2, 1)
	rows == {{
		"msg": "a rollout starts another pod before it stops one, for which 2 GPUs must be free; spareGPUs is 1, so it never ends",
		"path": ["spec", "strategy"],
		"remedy": _several,
		"related": _related,
	}}
	unset := rule.deny with input as _input({}, 2, 0)
	{row.remedy | some row in unset} == {_alone}
	rule.warn == set() with input as _input({}, 2, 0)
}

test_warns_of_a_surge_for_which_there_are_too_few_gpus if {
	rows := rule.warn with input as _input({"replicas": 8, "strategy": _rolling("50%", 0)}, 2, 5)
	rows == {{
		"msg": "a rollout starts 4 pods before it stops one, for which 8 GPUs must be free; spareGPUs is 5, so some stay Pending",
		"path": ["spec", "strategy"],
		"remedy": "Set strategy.rollingUpdate.maxSurge to 2.",
		"related": _related,
	}}
	rule.deny == set() with input as _input({"replicas": 8, "strategy": _rolling("50%", 0)}, 2, 5)
}

test_rounds_as_kubernetes_does if {
	silent := [
		{"replicas": 4},
		{"replicas": 400},
		{"replicas": 0},
		{"replicas": 0, "strategy": _rolling(1, 0)},
		{"replicas": 3, "strategy": _rolling("0%", "34%")},
		{"replicas": 3, "strategy": _rolling("10%", "34%")},
		{"replicas": 3, "strategy": _rolling(0, 1)},
		{"replicas": 3, "strategy": _rolling("0%", "10%")},
	]
	every specification in silent {
		rule.deny == set() with input as _input(specification, 2, 0)
		rule.warn == set() with input as _input(specification, 2, 0)
	}
	every specification in [{"replicas": 3, "strategy": _rolling("1%", "33%")}, {"replicas": 1, "strategy": _rolling("100%", "99%")}] {
		rows := rule.deny with input as _input(specification, 2, 0)
		count(rows) == 1
	}
}

test_is_silent_on_shares_that_cannot_be_read if {
	every value in ["", "x", "-1%", "5", -1, 1.5, true, [], {}, "999999%"] {
		rule.deny == set() with input as _input({"strategy": _rolling(value, 0)}, 2, 0)
		rule.warn == set() with input as _input({"strategy": _rolling(value, 0)}, 2, 0)
	}
}

test_allows_recreate_and_enough_spare_gpus if {
	every spare in [null, 0] {
		rule.deny == set() with input as _input({"strategy": {"type": "Recreate"}}, 2, spare)
		rule.warn == set() with input as _input({"strategy": {"type": "Recreate"}}, 2, spare)
	}
	rule.deny == set() with input as _input({"replicas": 3}, 2, 2)
	rule.warn == set() with input as _input({"replicas": 3}, 2, 2)
}

test_denies_everything_under_a_parameter_that_is_no_number if {
	every value in ["2", -1, 1.5, [], {}, true] {
		rows := rule.deny with input as _input({"strategy": {"type": "Recreate"}}, 2, value)
		{row.path | some row in rows} == {[]}
	}
}

test_is_silent_without_gpus_and_on_other_kinds_and_deletions if {
	asked := _input({}, 2, null)
	every document in [
		{},
		{"request": asked.request},
		_input({}, 0, null),
		json.patch(asked, [{"op": "replace", "path": "/ployd/capacity/servers/0/kind", "value": "StatefulSet"}]),
		json.patch(asked, [{"op": "replace", "path": "/request/object", "value": null}]),
		json.patch(asked, [{"op": "replace", "path": "/request/object/spec", "value": "x"}]),
	] {
		rule.deny == set() with input as document
		rule.warn == set() with input as document
	}
}
