package ployd.rules.canary.baseline_test

import data.ployd.rules.canary.baseline as rule

_compared := [{"name": "success_rate", "threshold": 99}, {"name": "ttft_p95", "threshold": 110, "relativeToStable": true}]

_judged_by(traffic, metrics, parameters) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "CanaryDeployment"},
		"object": {"spec": {"traffic": traffic, "analysis": {"metrics": metrics}}},
	},
	"ployd": {"parameters": {"canary.baseline": parameters}},
}

_judged(traffic, metrics) := _judged_by(traffic, metrics, {"highestWeight": 50})

_related := [{"msg": "ttft_p95 is relative", "path": ["spec", "analysis", "metrics", 1, "relativeToStable"]}]

_steps(weights) := {"maxWeight": weights[count(weights) - 1], "steps": [{"weight": weight} | some weight in weights]}

test_denies_a_comparison_without_a_stable_side if {
	rule.deny == {{
		"msg": "the last weight is 100: stable gets no request there, so ttft_p95 relative to it has no value",
		"path": ["spec", "traffic", "steps", 3, "weight"],
		"remedy": concat(" ", [
			"Take the steps above 50 out and set maxWeight to 50: the promotion itself gives the canary the rest.",
			"Or limit ttft_p95 absolutely.",
		]),
		"related": _related,
	}} with input as _judged(_steps([10, 25, 50, 100]), _compared)
	rule.warn == set() with input as _judged(_steps([10, 25, 50, 100]), _compared)
}

test_denies_it_without_explicit_steps if {
	every start, best in {10: 50, 15: 45, 20: 50, 45: 45} {
		traffic := {"canaryWeight": start, "stepWeight": 10, "maxWeight": 100}
		rows := rule.deny with input as _judged(traffic, _compared)
		{row.path | some row in rows} == {["spec", "traffic", "maxWeight"]}
		{split(row.remedy, ":")[0] | some row in rows} == {sprintf("Set maxWeight to %d", [best])}
	}
}

test_says_to_start_lower_where_no_weight_is_low_enough if {
	every traffic in [_steps([60, 100]), {"canaryWeight": 60, "stepWeight": 10, "maxWeight": 100}] {
		rows := rule.deny with input as _judged(traffic, _compared)
		some row in rows
		startswith(row.remedy, "Start lower and end at half of the traffic or below: ")
	}
}

test_warns_of_a_comparison_with_the_smaller_side if {
	rule.warn == {{
		"msg": "at 80 percent stable gets 20: ttft_p95 is compared with the smaller side",
		"path": ["spec", "traffic", "maxWeight"],
		"remedy": "Set maxWeight to 50: the promotion itself gives the canary the rest. Or limit ttft_p95 absolutely.",
		"related": _related,
	}} with input as _judged({"canaryWeight": 10, "stepWeight": 20, "maxWeight": 80}, _compared)
	rule.deny == set() with input as _judged({"canaryWeight": 10, "stepWeight": 20, "maxWeight": 80}, _compared)
}

test_names_every_metric_that_is_compared if {
	metrics := [
		{"name": "ttft_p95", "threshold": 110, "relativeToStable": true},
		{"name": "itl_p95", "threshold": 110, "relativeToStable": true},
	]
	rows := rule.deny with input as _judged(_steps([50, 100]), metrics)
	{row.msg | some row in rows} == {concat("", [
		"the last weight is 100: stable gets no request there, ",
		"so ttft_p95 and itl_p95 relative to it has no value",
	])}
}

test_allows_comparisons_up_to_half_and_absolute_limits_up_to_all if {
	every traffic in [_steps([10, 25, 50]), {"canaryWeight": 10, "stepWeight": 10, "maxWeight": 50}] {
		rule.deny == set() with input as _judged(traffic, _compared)
		rule.warn == set() with input as _judged(traffic, _compared)
	}
	absolute := [{"name": "ttft_p95", "threshold": 800, "relativeToStable": false}, {"name": "error_rate", "threshold": 1}]
	rule.deny == set() with input as _judged(_steps([50, 100]), absolute)
	rule.warn == set() with input as _judged(_steps([50, 100]), absolute)
}

test_allows_the_weight_that_the_environment_allows if {
	rule.warn == set() with input as _judged_by(_steps([10, 80]), _compared, {"highestWeight": 80})
	rows := rule.deny with input as _judged_by(_steps([10, 80, 100]), _compared, {"highestWeight": 80})
	count(rows) == 1
}

test_denies_under_a_parameter_that_is_no_number if {
	every value in [null, "50", 0, -1, 1.5, true, [], {}] {
		rows := rule.deny with input as _judged_by(_steps([10, 50]), _compared, {"highestWeight": value})
		{row.path | some row in rows} == {[]}
	}
	rule.deny == set() with input as _judged_by(_steps([10, 50]), [], {})
}

test_is_silent_about_values_of_another_type if {
	every metrics in [null, {}, "x", [null, "a", 3, {}, {"name": 3, "relativeToStable": true}, {"name": "a", "relativeToStable": "true"}]] {
		rule.deny == set() with input as _judged(_steps([50, 100]), metrics)
		rule.warn == set() with input as _judged(_steps([50, 100]), metrics)
	}
	every traffic in [null, [], "x", {}, {"steps": [null]}, {"steps": [{"weight": "100"}]}, {"maxWeight": "100"}, {"maxWeight": 101}] {
		rule.deny == set() with input as _judged(traffic, _compared)
		rule.warn == set() with input as _judged(traffic, _compared)
	}
}

test_is_silent_on_other_kinds_and_deletions if {
	judged := _judged(_steps([50, 100]), _compared)
	every change in [{"kind": {"kind": "GatewayRoute"}}, {"kind": {"group": "example.com"}}, {"object": null}] {
		rule.deny == set() with input as object.union(judged, {"request": change})
		rule.warn == set() with input as object.union(judged, {"request": change})
	}
	bare := {"kind": {"group": "ployd.ai", "kind": "CanaryDeployment"}, "object": {}}
	rule.deny == set() with input as {"request": bare}
}
