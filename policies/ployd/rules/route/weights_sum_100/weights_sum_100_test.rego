package ployd.rules.route.weights_sum_100_test

import data.ployd.rules.route.weights_sum_100 as rule

_judged(spec) := {"request": {
	"kind": {"group": "ployd.ai", "version": "v1", "kind": "GatewayRoute"},
	"object": {"spec": spec},
}}

_models(weights) := {"models": [{"name": sprintf("m%d", [position]), "weight": weight} |
	some position, weight in weights
]}

test_allows_weights_that_sum_to_100 if {
	every weights in [[100], [90, 10], [100, 0], [33, 33, 34]] {
		rule.deny == set() with input as _judged(_models(weights))
	}
}

test_denies_another_sum if {
	rule.deny == {{
		"msg": "the weights of the models sum to 110, not 100: 90 + 20",
		"path": ["spec", "models"],
		"remedy": "Take 10 away from the weights.",
	}} with input as _judged(_models([90, 20]))
	rule.deny == {{
		"msg": "the weights of the models sum to 10, not 100: 10",
		"path": ["spec", "models"],
		"remedy": "Add 90 to the weights.",
	}} with input as _judged(_models([10]))
	every weights in [[0, 0], [100, 100], [50, 49]] {
		rows := rule.deny with input as _judged(_models(weights))
		{row.path | some row in rows} == {["spec", "models"]}
	}
}

test_counts_the_weight_of_a_fallback if {
	spec := {"models": [{"name": "new", "weight": 90}, {"name": "old", "weight": 10, "fallback": true}]}
	rule.deny == set() with input as _judged(spec)
	over := {"models": [{"name": "new", "weight": 100}, {"name": "old", "weight": 10, "fallback": true}]}
	rows := rule.deny with input as _judged(over)
	{row.msg | some row in rows} == {"the weights of the models sum to 110, not 100: 100 + 10"}
}

test_allows_a_fallback_without_a_weight if {
	every weight in [null, 0] {
		spec := {"models": [{"name": "new", "weight": 100}, {"name": "old", "weight": weight, "fallback": true}]}
		rule.deny == set() with input as _judged(spec)
	}
	rule.deny == set() with input as _judged({"models": [{"name": "a", "weight": 100}, {"name": "b", "fallback": true}]})
}

test_denies_a_missing_weight if {
	every model in [{"name": "b"}, {"name": "b", "weight": null}, {"name": "b", "fallback": false}] {
		rule.deny == {{
			"msg": "the weight of b is not set; it must be a whole number from 0 to 100",
			"path": ["spec", "models", 1, "weight"],
			"remedy": "Give the model its share of the requests in percent.",
		}} with input as _judged({"models": [{"name": "a", "weight": 100}, model]})
	}
}

test_denies_weights_of_another_type_and_out_of_range if {
	every weight in ["100", 33.3, -10, 101, true, [], {}] {
		rows := rule.deny with input as _judged(_models([100, weight]))
		{row.path | some row in rows} == {["spec", "models", 1, "weight"]}
	}
}

test_denies_models_that_are_no_mappings if {
	every model in ["a", 1, null, []] {
		rows := rule.deny with input as _judged({"models": [model]})
		{row.msg | some row in rows} == {"the weight of model 0 is not set; it must be a whole number from 0 to 100"}
	}
}

test_denies_a_route_to_nowhere if {
	every spec in [{}, {"models": null}, {"models": []}, {"models": {}}, {"models": "a"}, null, []] {
		rule.deny == {{
			"msg": "the route names no models, so every request gets an error",
			"path": ["spec", "models"],
			"remedy": "Name at least one model with weight 100.",
		}} with input as _judged(spec)
	}
}

test_is_silent_where_the_strategy_looks_at_no_weight if {
	every strategy in ["least_request", "latency_based", "cost_optimized"] {
		spec := {"routing": {"strategy": strategy}, "models": [{"name": "a"}, {"name": "b"}]}
		rule.deny == set() with input as _judged(spec)
	}
}

test_speaks_under_the_weighted_strategy_and_the_default if {
	every routing in [{"strategy": "weighted_round_robin"}, {"strategy": null}, {}, null, []] {
		rows := rule.deny with input as _judged(object.union(_models([50]), {"routing": routing}))
		count(rows) == 1
	}
}

test_is_silent_on_other_kinds_and_deletions if {
	canary := {"kind": {"group": "ployd.ai", "kind": "CanaryDeployment"}, "object": {"spec": {}}}
	gone := {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": null}
	every request in [canary, gone] {
		rule.deny == set() with input as {"request": request}
	}
}
