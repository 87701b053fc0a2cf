package ployd.rules.route.strategy_test

import data.ployd.rules.route.strategy as rule

_judged(strategy, models) := {"request": {
	"kind": {"group": "ployd.ai", "version": "v1", "kind": "GatewayRoute"},
	"object": {"spec": {"routing": {"strategy": strategy}, "models": models}},
}}

_two := [{"name": "a", "service": "a.models"}, {"name": "b", "service": "b.models"}]

test_allows_what_gateways_do if {
	weighted := [{"name": "a", "service": "a", "weight": 90}, {"name": "b", "service": "b", "weight": 10}]
	priced := [{"name": "a", "costPerMillionTokens": 0}, {"name": "b", "costPerMillionTokens": 0.35}]
	lone := [{"name": "a", "service": "a", "weight": 100}]
	every judged in [
		_judged("weighted_round_robin", weighted),
		_judged("least_request", _two),
		_judged("least_request", lone),
		_judged("cost_optimized", priced),
	] {
		count(rule.deny | rule.warn) == 0 with input as judged
	}
}

test_denies_latency_based_between_models if {
	rule.deny == {{
		"msg": "latency_based cannot choose between 2 models (a, b): gateways compare the pods of one service only",
		"path": ["spec", "routing", "strategy"],
		"remedy": "Write weighted_round_robin with weights such as 50 + 50.",
	}} with input as _judged("latency_based", _two)
	rule.warn == set() with input as _judged("latency_based", _two)
	rows := rule.deny with input as _judged("latency_based", array.concat(_two, [{"service": "c"}]))
	{row.remedy | some row in rows} == {"Write weighted_round_robin with weights such as 34 + 33 + 33."}
	{row.msg | some row in rows} == {concat("", [
		"latency_based cannot choose between 3 models (a, b, model 2): ",
		"gateways compare the pods of one service only",
	])}
}

test_warns_that_latency_based_is_an_approximation if {
	expected := {{
		"msg": "latency_based is an approximation: the gateway picks the pod of a.models with the fewest requests",
		"path": ["spec", "routing", "strategy"],
		"remedy": "Write least_request, which is what happens.",
	}}
	rule.warn == expected with input as _judged("latency_based", [_two[0]])
	rule.warn == expected with input as _judged("latency_based", [_two[0], {"name": "the same", "service": "a.models"}])
	rule.deny == set() with input as _judged("latency_based", [_two[0]])
}

test_denies_prices_that_are_missing_or_none if {
	rule.deny == {{
		"msg": "cost_optimized compares prices, but costPerMillionTokens of b is not set",
		"path": ["spec", "models", 1, "costPerMillionTokens"],
		"remedy": "Set costPerMillionTokens of b to its price of a million tokens.",
	}} with input as _judged("cost_optimized", [{"name": "a", "costPerMillionTokens": 1}, {"name": "b"}])
	every price in [null, "0.35", -1, true, [], {}] {
		rows := rule.deny with input as _judged("cost_optimized", [{"costPerMillionTokens": price}])
		{row.path | some row in rows} == {["spec", "models", 0, "costPerMillionTokens"]}
	}
}

test_warns_of_weights_that_are_ignored if {
	models := [{"name": "a", "service": "a"}, {"name": "b", "service": "b", "weight": 90}, {"name": "c", "service": "c", "weight": 10}]
	rule.warn == {{
		"msg": "least_request looks at no weight, so 90 for b and 10 for c is ignored",
		"path": ["spec", "models", 1, "weight"],
		"remedy": "Remove the weights, or write weighted_round_robin.",
		"related": [{"msg": "the strategy", "path": ["spec", "routing", "strategy"]}],
	}} with input as _judged("least_request", models)
	every strategy in ["latency_based", "cost_optimized"] {
		rows := rule.warn with input as _judged(strategy, models)
		{row.path | some row in rows} == {["spec", "models", 1, "weight"]}
	}
}

test_leaves_values_of_another_type_to_the_schema if {
	every models in [null, "x", 3, {}, [], [null], ["x"]] {
		every strategy in ["latency_based", "cost_optimized", "least_request", null, 3] {
			count(rule.deny | rule.warn) == 0 with input as _judged(strategy, models)
		}
	}
	count(rule.deny | rule.warn) == 0 with input as _judged("latency_based", [{"name": "a", "service": 3}])
	every spec in [null, [], {}, {"routing": null}, {"routing": {}}, {"routing": [], "models": _two}] {
		count(rule.deny | rule.warn) == 0 with input as {"request": {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": {"spec": spec}}}
	}
}

test_is_silent_on_other_kinds_and_deletions if {
	judged := _judged("latency_based", _two)
	count(rule.deny | rule.warn) == 0 with input as object.union(judged, {"request": {"kind": {"group": "ployd.ai", "kind": "CanaryDeployment"}}})
	count(rule.deny | rule.warn) == 0 with input as {"request": {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": null}}
}
