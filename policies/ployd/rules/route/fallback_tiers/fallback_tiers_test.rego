package ployd.rules.route.fallback_tiers_test

import data.ployd.rules.route.fallback_tiers as rule

_judged_with(tiers, spec) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "GatewayRoute"},
		"object": {"spec": spec},
	},
	"ployd": {"parameters": {"route.fallback_tiers": {"tiers": tiers}}},
}

_judged(spec) := _judged_with(2, spec)

_around := {"routing": {"retries": 2}, "circuitBreaker": {"failureThreshold": 5}}

_route(models) := object.union(_around, {"models": models})

_routed(routing) := {"models": [_main, _spare], "routing": routing, "circuitBreaker": {}}

_main := {"name": "large", "weight": 100, "priority": 1}

_spare := {"name": "small", "weight": 0, "priority": 2, "fallback": true}

test_allows_two_tiers_that_can_be_reached if {
	every models in [
		[_main, _spare],
		[_main, {"name": "small", "fallback": true}],
		[{"name": "large"}, {"name": "other", "priority": 1}, _spare],
		[_main, {"name": "small", "priority": 2}],
		[{"name": "large", "priority": 5}, {"name": "small", "priority": 9, "fallback": true}],
	] {
		rule.deny == set() with input as _judged(_route(models))
		rule.warn == set() with input as _judged(_route(models))
	}
}

test_allows_routes_without_a_fallback_to_have_no_retries if {
	every models in [[{"name": "large"}], [{"name": "large"}, {"name": "other", "fallback": false, "priority": null}], []] {
		rule.deny == set() with input as _judged({"models": models})
		rule.warn == set() with input as _judged({"models": models})
	}
}

test_denies_a_third_tier if {
	models := [_main, _spare, {"name": "last", "priority": 3, "fallback": true}, {"name": "very last", "priority": 9}]
	rows := rule.deny with input as _judged(_route(models))
	{row.path | some row in rows} == {["spec", "models", 2, "priority"], ["spec", "models", 3, "priority"]}
	rule.deny == {{
		"msg": "last has priority 3, a tier too many: the gateway has 2, and the priorities here are 1, 2, 3",
		"path": ["spec", "models", 2, "priority"],
		"remedy": "Set it to 2, so that it shares the last tier.",
	}} with input as _judged(_route(array.slice(models, 0, 3)))
}

test_allows_as_many_tiers_as_the_gateway_has if {
	models := [_main, _spare, {"name": "last", "priority": 3, "fallback": true}]
	rule.deny == set() with input as _judged_with(3, _route(models))
	rule.deny == set() with input as _judged_with(null, _route(models))
	rows := rule.deny with input as _judged_with(1, _route([_main, _spare]))
	{row.remedy | some row in rows} == {"Set it to 1, so that it shares the last tier."}
}

test_denies_an_unusable_number_of_tiers if {
	every tiers in ["2", 0, 1.5, true, [], {}] {
		rows := rule.deny with input as _judged_with(tiers, _route([_main]))
		{row.remedy | some row in rows} == {"Set tiers of route.fallback_tiers in the environments data."}
	}
}

test_denies_a_fallback_with_nothing_before_it if {
	rule.deny == {{
		"msg": "small is the only backend and a fallback, so nothing is asked first",
		"path": ["spec", "models", 0, "fallback"],
		"remedy": "Remove fallback from small.",
	}} with input as _judged(_route([_spare]))
	rule.deny == {{
		"msg": "all 2 backends are fallbacks, so nothing is asked first",
		"path": ["spec", "models", 1, "fallback"],
		"remedy": "Remove fallback from smallest.",
	}} with input as _judged(_route([_spare, {"name": "smallest", "priority": 1, "fallback": true}]))
	rule.warn == set() with input as _judged({"models": [_spare]})
}

test_denies_a_fallback_that_is_asked_first if {
	expected := {{
		"msg": "fallback small has priority 1 and is asked before large, which has 2",
		"path": ["spec", "models", 1, "priority"],
		"remedy": "Set the priority of small to 3.",
		"related": [{"msg": "asked after its fallback", "path": ["spec", "models", 0]}],
	}}
	every priority in [1, 1.0, null] {
		models := [{"name": "large", "priority": 2}, {"name": "small", "priority": priority, "fallback": true}]
		rule.deny == expected with input as _judged(_route(models))
	}
}

test_warns_of_a_fallback_beside_what_it_stands_in_for if {
	rule.warn == {{
		"msg": "fallback small has priority 1 like large, so it is asked beside it and not after it",
		"path": ["spec", "models", 1, "priority"],
		"remedy": "Set the priority of small to 2.",
	}} with input as _judged(_route([_main, {"name": "small", "priority": 1, "fallback": true}]))
}

test_warns_of_a_fallback_without_retries if {
	expected := {
		"msg": "routing.retries is not set, so a request that fails at large gets an error and not the answer of small",
		"path": ["spec", "routing", "retries"],
		"remedy": "Set routing.retries to 1 or 2.",
	}
	every routing in [{}, null, [], "x", {"retries": null}] {
		rule.warn == {expected} with input as _judged(_routed(routing))
	}
	every retries in [0, "2", -1, true, [], {}] {
		rows := rule.warn with input as _judged(_routed({"retries": retries}))
		{row.path | some row in rows} == {["spec", "routing", "retries"]}
	}
	rows := rule.warn with input as _judged(_routed({"retries": 0}))
	{substring(row.msg, 0, 20) | some row in rows} == {"routing.retries is 0"}
}

test_warns_of_retries_that_nothing_triggers if {
	routing := {"retries": 2, "retryOn": ["unavailable", "retriable-status-codes"]}
	rule.warn == {{
		"msg": concat("", [
			"routing.retryOn has nothing that an answer over HTTP can be (unavailable, retriable-status-codes), ",
			"so a request that fails at large gets an error and not the answer of small",
		]),
		"path": ["spec", "routing", "retryOn"],
		"remedy": "Write retryOn: [connect-failure, refused-stream, \"503\"], or leave it out.",
	}} with input as _judged(_routed(routing))
}

test_allows_retries_that_something_triggers if {
	every retry_on in [null, [], ["connect-failure"], ["unavailable", "503"], ["reset"]] {
		routing := {"retries": 1, "retryOn": retry_on}
		rule.warn == set() with input as _judged(_routed(routing))
	}
}

test_warns_of_a_fallback_without_a_breaker if {
	models := [_main, {"name": "small", "priority": 2}, {"name": "smaller", "priority": 2, "fallback": true}]
	expected := {
		"msg": concat("", [
			"circuitBreaker is not set, so large is asked for as long as its pods are Ready, ",
			"however often they fail, and small or smaller gets nothing",
		]),
		"path": ["spec", "circuitBreaker"],
		"remedy": "Add circuitBreaker: {failureThreshold: 5, recoveryTimeout: 30s, maxEjectionPercent: 100}.",
	}
	rule.warn == {expected} with input as _judged({"models": models, "routing": {"retries": 1}})
	every breaker in [null, [], "x", 3] {
		spec := {"models": models, "routing": {"retries": 1}, "circuitBreaker": breaker}
		rule.warn == {expected} with input as _judged(spec)
	}
	off := {"models": models, "routing": {"retries": 1}, "circuitBreaker": {"enabled": false}}
	rows := rule.warn with input as _judged(off)
	{row.remedy | some row in rows} == {"Set circuitBreaker.enabled to true."}
	{row.path | some row in rows} == {["spec", "circuitBreaker", "enabled"]}
}

test_leaves_models_of_another_type_to_the_schema if {
	every models in [null, "x", 3, {}, [null], ["x"], [3]] {
		rule.deny == set() with input as _judged(_route(models))
		rule.warn == set() with input as _judged(_route(models))
	}
	every spec in [null, [], "x", 3] {
		rule.deny == set() with input as _judged(spec)
		rule.warn == set() with input as _judged(spec)
	}
	every priority in ["1", 0, 1.5, [], {}] {
		rule.deny == set() with input as _judged(_route([{"name": "large", "priority": priority}, _spare]))
	}
	rows := rule.deny with input as _judged(_route([{"fallback": true}]))
	{row.remedy | some row in rows} == {"Remove fallback from model 0."}
}

test_is_silent_on_other_kinds_and_deletions if {
	judged := _judged({"models": [_spare, {"name": "last", "priority": 3}]})
	other := object.union(judged, {"request": {"kind": {"group": "ployd.ai", "kind": "CanaryDeployment"}}})
	gone := {"request": {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": null}}
	every silent in [other, gone] {
		rule.deny == set() with input as silent
		rule.warn == set() with input as silent
	}
}
