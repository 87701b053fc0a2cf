package ployd.rules.canary.capacity_test

import data.ployd.rules.canary.capacity as rule

_model(id, least, most) := {"id": id, "spec": {"scaling": {"minReplicas": least, "maxReplicas": most}}}

_judged_by(spec, models, parameters) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "CanaryDeployment"},
		"namespace": "models",
		"object": {"spec": spec},
	},
	"ployd": {
		"parameters": {"canary.capacity": parameters},
		"self": {"environment": "production", "cluster": "", "id": 9},
		"inventory": {"order": [], "objects": {"production": {"ModelDeployment": {"models": models}}}},
	},
}

_plain(end) := {"canaryWeight": 10, "stepWeight": 15, "maxWeight": end}

_steps(weights) := {"maxWeight": weights[count(weights) - 1], "steps": [{"weight": weight} | some weight in weights]}

_spec(stable, canary, traffic) := {
	"stable": {"model": "chat-v1", "replicas": stable},
	"canary": {"model": "chat-v2", "replicas": canary},
	"traffic": traffic,
	"analysis": {"metrics": [{"name": "latency_p95", "threshold": 3000}]},
}

_compared := {"analysis": {"metrics": [{"name": "ttft_p95", "threshold": 110, "relativeToStable": true}]}}

_judged(spec, most) := _judged_by(spec, {"chat-v1": [_model(3, 2, 12)], "chat-v2": [_model(4, 1, most)]}, {"overload": 1.25})

_allowed(judged) if {
	rule.deny == set() with input as judged
	rule.warn == set() with input as judged
}

_most := [{"msg": "the most there may be", "path": ["spec", "scaling", "maxReplicas"], "object": 4}]

test_warns_of_a_canary_that_cannot_grow_to_its_share if {
	rule.warn == {{
		"msg": "at 100 percent each replica of chat-v2 carries 3 times what one of the 6 stable replicas did: it has at most 2",
		"path": ["spec", "canary", "replicas"],
		"remedy": "Raise maxReplicas of chat-v2 to 5, or end at 41 percent.",
		"related": _most,
	}} with input as _judged(_spec(6, 1, _plain(100)), 2)
	rule.deny == set() with input as _judged(_spec(6, 1, _plain(100)), 2)
}

test_offers_what_is_enough if {
	_allowed(_judged(_spec(6, 1, _plain(100)), 5))
	_allowed(_judged(_spec(6, 1, _plain(41)), 2))
	every judged in [_judged(_spec(6, 1, _plain(100)), 4), _judged(_spec(6, 1, _plain(42)), 2)] {
		rows := rule.warn with input as judged
		count(rows) == 1
	}
}

test_allows_what_autoscaling_may_reach if {
	_allowed(_judged(_spec(3, 1, _plain(100)), 3))
	_allowed(_judged(_spec(3, 1, _steps([10, 50, 100])), 5))
}

test_looks_at_the_last_step if {
	rows := rule.warn with input as _judged(_spec(6, 2, _steps([10, 50])), 2)
	{row.msg | some row in rows} == {"at 50 percent each replica of chat-v2 carries 1.5 times what one of the 6 stable replicas did: it has at most 2"}
}

test_warns_of_a_comparison_under_unlike_load if {
	rule.warn == {{
		"msg": "at 40 percent each of at most 2 replicas of chat-v2 carries 2 times what one of 6 stable does: ttft_p95 compares load",
		"path": ["spec", "canary", "replicas"],
		"remedy": "Raise maxReplicas of chat-v2 to 4, or end at 29 percent.",
		"related": _most,
	}} with input as _judged(object.union(_spec(6, 2, _plain(40)), _compared), 2)
	_allowed(_judged(_spec(6, 2, _plain(40)), 2))
	_allowed(_judged(object.union(_spec(6, 2, _plain(40)), _compared), 4))
	_allowed(_judged(object.union(_spec(6, 2, _steps([10, 29])), _compared), 2))
}

test_leaves_comparisons_above_half_to_their_own_rule if {
	expected := {"at 25 percent": _steps([10, 25, 60, 100]), "at 40 percent": _plain(100)}
	every start, traffic in expected {
		rows := rule.warn with input as _judged(object.union(_spec(6, 1, traffic), _compared), 1)
		{substring(row.msg, 0, 13) | some row in rows} == {start}
	}
	_allowed(_judged(object.union(_spec(6, 1, _steps([60, 100])), _compared), 1))
	_allowed(_judged(object.union(_spec(6, 1, object.union(_plain(100), {"canaryWeight": 60})), _compared), 1))
}

test_takes_the_replicas_of_the_models_where_none_are_written if {
	spec := {"stable": {"model": "chat-v1"}, "canary": {"model": "chat-v2"}, "traffic": _plain(100)}
	rule.warn == {{
		"msg": "at 100 percent each replica of chat-v2 carries 4 times what one of the 4 stable replicas did: it has at most 1",
		"path": ["spec", "canary", "model"],
		"remedy": "Raise maxReplicas of chat-v2 to 4, or end at 31 percent.",
		"related": _most,
	}} with input as _judged_by(spec, {"chat-v1": [_model(3, 4, 12)], "chat-v2": [_model(4, 1, 1)]}, {"overload": 1.25})
	_allowed(_judged_by(spec, {"chat-v1": [{"id": 3, "spec": {"scaling": {"maxReplicas": 12}}}], "chat-v2": [_model(4, 1, 1)]}, {"overload": 1}))
}

test_takes_the_largest_of_several_models_of_that_name if {
	models := {"chat-v1": [_model(3, 2, 12)], "chat-v2": [_model(4, 1, 6), _model(5, 1, 1)]}
	_allowed(_judged_by(_spec(6, 1, _plain(100)), models, {"overload": 1}))
}

test_offers_no_weight_below_one if {
	rows := rule.warn with input as _judged(_spec(600, 1, _plain(100)), 1)
	{row.remedy | some row in rows; row.path == ["spec", "canary", "replicas"]} == {"Raise maxReplicas of chat-v2 to 480."}
}

test_warns_of_more_replicas_than_the_model_may_have if {
	rule.warn == {{
		"msg": "canary.replicas is 8, but chat-v2 has maxReplicas 4",
		"path": ["spec", "canary", "replicas"],
		"remedy": "Set it to 4 or less, or raise maxReplicas of chat-v2 to 8.",
		"related": _most,
	}} with input as _judged(_spec(4, 8, _plain(50)), 4)
	rows := rule.warn with input as _judged(_spec(14, 8, _plain(50)), 8)
	{row.path | some row in rows} == {["spec", "stable", "replicas"]}
}

test_denies_under_a_factor_that_cannot_be_used if {
	every value in [null, "1.25", 0.9, 0, -1, true, [], {}] {
		rows := rule.deny with input as _judged_by(_spec(3, 3, _plain(50)), {}, {"overload": value})
		{row.path | some row in rows} == {[]}
	}
}

test_is_silent_where_a_model_is_not_known if {
	_allowed(_judged_by(_spec(6, 1, _plain(100)), {"chat-v1": [_model(3, 2, 12)]}, {"overload": 1}))
	_allowed(_judged_by(_spec(6, 1, _plain(100)), {"chat-v2": [{"id": 4, "spec": {}}, {"id": 5, "spec": {"scaling": {"maxReplicas": "x"}}}]}, {"overload": 1}))
}

test_is_silent_about_values_of_another_type if {
	every replicas in ["3", -1, 1.5, true, [], {}] {
		_allowed(_judged(object.union(_spec(1, 1, _plain(50)), {"stable": {"model": "x", "replicas": replicas}}), 1))
	}
	_allowed(_judged(_spec(0, 1, _plain(100)), 1))
	every traffic in [null, [], "x", {}, {"maxWeight": "a"}, {"maxWeight": 101}, {"steps": [null, 3, {"weight": "a"}]}] {
		_allowed(_judged(object.union(_spec(6, 1, {}), {"traffic": traffic}), 1))
		_allowed(_judged(object.union(object.union(_spec(6, 1, {}), _compared), {"traffic": traffic}), 1))
	}
	every spec in [null, [], {}, {"stable": 3, "canary": []}] {
		_allowed(_judged(spec, 1))
	}
}

test_is_silent_without_an_inventory_on_other_kinds_and_deletions if {
	judged := _judged(_spec(6, 1, _plain(100)), 1)
	_allowed({"request": judged.request, "ployd": {"parameters": {}}})
	every change in [{"kind": {"kind": "GatewayRoute"}}, {"object": null}] {
		_allowed(object.union(judged, {"request": change}))
	}
}
