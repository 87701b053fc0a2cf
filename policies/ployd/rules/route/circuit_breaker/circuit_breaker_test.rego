package ployd.rules.route.circuit_breaker_test

import data.ployd.rules.route.circuit_breaker as rule

_parameters := {"required": true, "leastPods": 2, "gatewayPercent": 10}

_judged_with(parameters, spec) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "GatewayRoute"},
		"object": {"spec": spec},
	},
	"ployd": {"parameters": {"route.circuit_breaker": object.union(_parameters, parameters)}},
}

_judged(breaker) := _judged_with({}, {"circuitBreaker": breaker})

test_allows_breakers_that_take_a_pod_out if {
	every breaker in [
		{"failureThreshold": 5, "recoveryTimeout": "30s", "maxEjectionPercent": 100},
		{"enabled": true, "maxEjectionPercent": 50},
		{"enabled": null, "maxEjectionPercent": 100, "recoveryTimeout": null},
	] {
		count(rule.deny | rule.warn) == 0 with input as _judged(breaker)
	}
	count(rule.deny | rule.warn) == 0 with input as _judged_with({"leastPods": 10}, {"circuitBreaker": {}})
	count(rule.deny | rule.warn) == 0 with input as _judged_with({"gatewayPercent": null}, {"circuitBreaker": {}})
	count(rule.deny | rule.warn) == 0 with input as _judged_with({"leastPods": null}, {"circuitBreaker": {"maxEjectionPercent": 1}})
}

test_warns_of_a_route_without_a_breaker if {
	every breaker in [null, [], "x", 3] {
		rule.warn == {{
			"msg": "circuitBreaker is not set, so a pod that fails keeps its share of the requests",
			"path": ["spec", "circuitBreaker"],
			"remedy": "Add circuitBreaker: {failureThreshold: 5, recoveryTimeout: 30s, maxEjectionPercent: 100}.",
		}} with input as _judged(breaker)
	}
	rule.warn == {{
		"msg": "circuitBreaker.enabled is false, so a pod that fails keeps its share of the requests",
		"path": ["spec", "circuitBreaker", "enabled"],
		"remedy": "Set circuitBreaker.enabled to true.",
	}} with input as _judged({"enabled": false, "maxEjectionPercent": 0})
	count(rule.deny | rule.warn) == 0 with input as _judged_with({"required": false}, {})
	count(rule.deny | rule.warn) == 0 with input as _judged_with({"required": false}, {"circuitBreaker": {"enabled": false}})
	every required in [null, "no"] {
		rows := rule.warn with input as _judged_with({"required": required}, {})
		count(rows) == 1
	}
}

test_warns_of_a_share_of_less_than_one_pod if {
	expected := {{
		"msg": concat("", [
			"maxEjectionPercent is not set and the gateway's own is 10: below 10 pods no pod is ever taken out, ",
			"and a model here may have 2",
		]),
		"path": ["spec", "circuitBreaker", "maxEjectionPercent"],
		"remedy": "Set maxEjectionPercent to 100.",
	}}
	rule.warn == expected with input as _judged({"failureThreshold": 5})
	rule.warn == expected with input as _judged({"maxEjectionPercent": null})
	rule.warn == expected with input as _judged_with({"required": false}, {"circuitBreaker": {}})
	shares := {
		33: "maxEjectionPercent is 33: below 4 pods no pod is ever taken out, and a model here may have 1",
		10: "maxEjectionPercent is 10: below 10 pods no pod is ever taken out, and a model here may have 1",
		0: "maxEjectionPercent is 0: below any number of pods no pod is ever taken out, and a model here may have 1",
	}
	every share, message in shares {
		rows := rule.warn with input as _judged_with({"leastPods": 1}, {"circuitBreaker": {"maxEjectionPercent": share}})
		{row.msg | some row in rows} == {message}
	}
}

test_warns_of_a_fallback_behind_a_breaker_that_keeps_some_pods if {
	models := [{"name": "large"}, {"name": "small", "fallback": true}, {"name": 3, "fallback": true}, null]
	rule.warn == {{
		"msg": "maxEjectionPercent is 50: while all pods of a backend fail, some keep their requests, and small gets only the rest",
		"path": ["spec", "circuitBreaker", "maxEjectionPercent"],
		"remedy": "Set maxEjectionPercent to 100, so that a backend that is gone is gone as a whole.",
	}} with input as _judged_with({}, {"circuitBreaker": {"maxEjectionPercent": 50}, "models": models})
	count(rule.deny | rule.warn) == 0 with input as _judged_with({}, {"circuitBreaker": {"maxEjectionPercent": 100}, "models": models})
}

test_denies_a_time_that_cannot_be_read if {
	rule.deny == {{
		"msg": "recoveryTimeout is \"1.5s\"; it must be a time above zero of up to four whole numbers with h, m, s or ms",
		"path": ["spec", "circuitBreaker", "recoveryTimeout"],
		"remedy": "Write it as 1500ms.",
	}} with input as _judged({"recoveryTimeout": "1.5s", "maxEjectionPercent": 100})
	written := {"0s": "30s", "": "30s", "soon": "30s", "150.5s": "151s", "1h1m1s1ms1s": "30s", "100000s": "30s", "0.5m": "30000ms"}
	every text, remedy in written {
		rows := rule.deny with input as _judged({"recoveryTimeout": text})
		{row.remedy | some row in rows} == {sprintf("Write it as %s.", [remedy])}
	}
	every value in [30, true, [], {}] {
		rows := rule.deny with input as _judged({"recoveryTimeout": value})
		{row.path | some row in rows} == {["spec", "circuitBreaker", "recoveryTimeout"]}
	}
}

test_leaves_shares_of_another_type_to_the_schema if {
	every share in ["100", -1, 1.5, true, [], {}] {
		count(rule.deny | rule.warn) == 0 with input as _judged({"maxEjectionPercent": share})
	}
}

test_denies_unusable_parameters if {
	every name in ["leastPods", "gatewayPercent"] {
		every value in ["2", 0, 1.5, true, [], {}] {
			rows := rule.deny with input as _judged_with({name: value}, {"circuitBreaker": {"maxEjectionPercent": 100}})
			{row.remedy | some row in rows} == {sprintf("Set %s of route.circuit_breaker in the environments data.", [name])}
		}
	}
}

test_is_silent_on_other_kinds_and_deletions if {
	judged := _judged_with({"leastPods": 0}, {"circuitBreaker": {"recoveryTimeout": "x"}})
	count(rule.deny | rule.warn) == 0 with input as object.union(judged, {"request": {"kind": {"group": "ployd.ai", "kind": "CanaryDeployment"}}})
	count(rule.deny | rule.warn) == 0 with input as {"request": {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": null}}
}
