package ployd.rules.canary.sample_size_test

import data.ployd.rules.canary.sample_size as rule

_traffic := {"canaryWeight": 10, "stepWeight": 10, "maxWeight": 50, "interval": "5m"}

_success := {"name": "success_rate", "threshold": 99}

_slow := {"name": "latency_p95", "threshold": 3000}

_judged(traffic, analysis, rate) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "CanaryDeployment"},
		"namespace": "models",
		"object": {"spec": {"traffic": traffic, "analysis": analysis}},
	},
	"ployd": {"parameters": {"canary.sample_size": {"requestsPerSecond": rate}}},
}

_allowed(judged) if {
	rule.deny == set() with input as judged
	rule.warn == set() with input as judged
}

# What a check takes for one metric, as the remedy says it.
_takes(metric) := {row.remedy | some row in rows} if {
	rows := rule.warn with input as _judged(_traffic, {"metrics": [metric]}, null)
}

test_warns_of_checks_on_fewer_requests_than_the_strictest_limit_takes if {
	metrics := [{"name": "success_rate", "threshold": 99.5}, _slow, {"name": "error_rate", "threshold": 0.1}]
	rule.warn == {{
		"msg": "a check counts from 1 request on, but to show error_rate 0.1 percent with 95% confidence takes 2995",
		"path": ["spec", "analysis", "minSamples"],
		"remedy": "Set minSamples to 2995.",
		"related": [
			{"msg": "takes 598 requests", "path": ["spec", "analysis", "metrics", 0, "threshold"]},
			{"msg": "takes 59 requests", "path": ["spec", "analysis", "metrics", 1, "threshold"]},
			{"msg": "takes 2995 requests", "path": ["spec", "analysis", "metrics", 2, "threshold"]},
		],
	}} with input as _judged(_traffic, {"metrics": metrics}, null)
}

test_names_the_samples_that_are_written if {
	analysis := {"metrics": [{"name": "success_rate", "threshold": 99.5}, _slow], "minSamples": 500}
	rows := rule.warn with input as _judged(_traffic, analysis, null)
	{row.msg | some row in rows} == {"a check counts from 500 requests on, but to show success_rate 99.5 percent with 95% confidence takes 598"}
	{count(row.related) | some row in rows} == {1}
}

# ceil(ln(0.05) / ln(p)), computed elsewhere.
test_computes_what_each_limit_takes if {
	expected := {50: 5, 90: 29, 95: 59, 99: 299, 99.5: 598, 99.9: 2995, 99.99: 29956, 99.999: 299572}
	every percent, samples in expected {
		_takes({"name": "success_rate", "threshold": percent}) == {sprintf("Set minSamples to %d.", [samples])}
		_takes({"name": "success_rate", "threshold": percent / 100, "unit": "ratio"}) == {sprintf("Set minSamples to %d.", [samples])}
	}
	_takes({"name": "error_rate", "threshold": 1}) == {"Set minSamples to 299."}
	_takes({"name": "error_rate", "threshold": 0.05, "unit": "ratio"}) == {"Set minSamples to 59."}
	_takes({"name": "latency_p50", "threshold": 9}) == {"Set minSamples to 5."}
	_takes({"name": "latency_p99", "threshold": 9}) == {"Set minSamples to 299."}
	every name in ["ttft_p95", "itl_p95", "queue_time_p95"] {
		_takes({"name": name, "threshold": 110, "relativeToStable": true}) == {"Set minSamples to 59."}
	}
}

test_allows_enough_samples_and_limits_that_take_few if {
	_allowed(_judged(_traffic, {"metrics": [_success, _slow], "minSamples": 299}, null))
	_allowed(_judged(_traffic, {"metrics": [{"name": "success_rate", "threshold": 40}]}, null))
	_allowed(_judged(_traffic, {"metrics": [{"name": "own", "query": "x", "threshold": 1, "direction": "above"}]}, null))
	_allowed(_judged(_traffic, {"metrics": [{"name": "success_rate", "threshold": 99, "relativeToStable": true}]}, null))
	_allowed(_judged(_traffic, {"metrics": [_success], "minSamples": 299}, 10))
	_allowed(_judged(_traffic, {}, 0.001))
}

test_warns_of_limits_that_no_number_of_requests_shows if {
	rule.warn == {{
		"msg": "success_rate 100 percent: a single failed request breaks it, and no number of requests shows it",
		"path": ["spec", "analysis", "metrics", 0, "threshold"],
		"remedy": "Write a threshold below 100, e.g. 99.5.",
	}} with input as _judged(_traffic, {"metrics": [{"name": "success_rate", "threshold": 100}]}, null)
	expected := [
		[{"name": "error_rate", "threshold": 0}, "Write a threshold above 0, e.g. 0.5."],
		[{"name": "success_rate", "threshold": 1, "unit": "ratio"}, "Write a threshold below 1, e.g. 0.995."],
		[{"name": "error_rate", "threshold": 0.0000000001, "unit": "ratio"}, "Write a threshold above 0, e.g. 0.005."],
	]
	every pair in expected {
		_takes(pair[0]) == {pair[1]}
	}
}

test_warns_of_a_step_that_sees_too_little if {
	rule.warn == {{
		"msg": "the first step (10 percent for 5m) sees 60 requests at 2 a second, of the 299 it takes to show success_rate 99 percent",
		"path": ["spec", "traffic", "interval"],
		"remedy": "Let it last 25m or more, or give it 50 percent or more.",
		"related": [{"msg": "takes the most requests", "path": ["spec", "analysis", "metrics", 0, "threshold"]}],
	}} with input as _judged(_traffic, {"metrics": [_success], "minSamples": 299}, 2)
	rule.deny == set() with input as _judged(_traffic, {"metrics": [_success], "minSamples": 299}, 2)
}

test_warns_of_each_step_that_sees_too_little if {
	traffic := {"interval": "10m", "steps": [{"weight": 5}, {"weight": 25, "interval": "1h"}, {"weight": 50, "interval": null}]}
	rows := rule.warn with input as _judged(traffic, {"metrics": [_slow], "minSamples": 400}, 1)
	{[row.msg, row.path, row.remedy] | some row in rows} == {
		[
			"step 1 (5 percent for 10m) sees 30 requests at 1 a second, of the 400 that minSamples demands",
			["spec", "traffic", "steps", 0, "interval"],
			"Let it last 2h14m or more, or give it 67 percent or more.",
		],
		[
			"step 3 (50 percent for 10m) sees 300 requests at 1 a second, of the 400 that minSamples demands",
			["spec", "traffic", "steps", 2, "interval"],
			"Let it last 14m or more, or give it 67 percent or more.",
		],
	}
	{row.related | some row in rows} == {[{"msg": "what a check needs", "path": ["spec", "analysis", "minSamples"]}]}
}

test_does_not_offer_a_weight_above_all if {
	rows := rule.warn with input as _judged(_traffic, {"metrics": [_success], "minSamples": 299}, 0.1)
	{row.remedy | some row in rows} == {"Let it last 8h19m or more, or begin with more weight."}
}

test_denies_a_step_whose_checks_never_count if {
	analysis := {"metrics": [_success], "minSamples": 500, "holdFor": "5m"}
	rule.deny == {{
		"msg": concat(" ", [
			"the first step (10 percent for 5m) sees 60 requests at 2 a second,",
			"120 when held for 5m: no check ever has the 500 of minSamples",
		]),
		"path": ["spec", "traffic", "interval"],
		"remedy": "Let it last 42m or more, or give it 84 percent or more.",
		"related": [{"msg": "what a check needs", "path": ["spec", "analysis", "minSamples"]}],
	}} with input as _judged(_traffic, analysis, 2)
	rule.warn == set() with input as _judged(_traffic, analysis, 2)
}

test_counts_the_time_a_check_may_wait if {
	analysis := {"metrics": [_success], "minSamples": 500, "holdFor": "1h"}
	rule.deny == set() with input as _judged(_traffic, analysis, 2)
	rows := rule.warn with input as _judged(_traffic, analysis, 2)
	count(rows) == 1
}

test_starts_counting_where_the_canary_has_traffic if {
	traffic := object.union(_traffic, {"canaryWeight": 0, "stepWeight": 20})
	rows := rule.warn with input as _judged(traffic, {"metrics": [_slow], "minSamples": 100}, 1)
	{row.msg | some row in rows} == {"the first step (20 percent for 5m) sees 60 requests at 1 a second, of the 100 that minSamples demands"}
}

test_says_the_same_beside_routes_and_models if {
	judged := _judged(_traffic, {"metrics": [_slow], "minSamples": 59}, null)
	route := {"id": 4, "cluster": "", "spec": {"models": [{"name": "chat-v1"}, {"name": "chat-v2"}], "rateLimit": {"global": {"rpm": 1}}}}
	_allowed(object.union(judged, {
		"request": {"object": {"spec": {"stable": {"model": "chat-v1"}, "canary": {"model": "chat-v2"}}}},
		"ployd": {
			"self": {"environment": "production", "cluster": "", "id": 9},
			"inventory": {"objects": {"production": {"GatewayRoute": {"models": {"chat-api": [route]}}}}},
		},
	}))
}

test_denies_under_a_rate_that_cannot_be_used if {
	every value in ["1", 0, -1, true, [], {}] {
		rows := rule.deny with input as _judged(_traffic, {}, value)
		{row.path | some row in rows} == {[]}
	}
}

test_is_silent_about_values_of_another_type if {
	every metrics in [null, {}, "x", [null, "a", {}, {"name": []}, {"name": "success_rate"}, {"name": "success_rate", "threshold": "99"}]] {
		_allowed(_judged(_traffic, {"metrics": metrics}, null))
	}
	odd := [{"name": "success_rate", "threshold": 99, "unit": "seconds"}, {"name": "error_rate", "threshold": -1}]
	_allowed(_judged(_traffic, {"metrics": odd}, null))
	every samples in ["500", 0, -1, 1.5, true, [], {}] {
		_allowed(_judged(_traffic, {"metrics": [_slow], "minSamples": samples}, 0.001))
	}
	every traffic in [null, [], {}, {"interval": "soon"}, {"interval": "0s", "canaryWeight": 10}, {"steps": [null, 3, {"weight": 200}]}] {
		_allowed(_judged(traffic, {"metrics": [_slow], "minSamples": 59}, 0.001))
	}
	_allowed({"request": {"kind": {"group": "ployd.ai", "kind": "CanaryDeployment"}, "object": {}}})
	_allowed({"request": {"kind": {"group": "ployd.ai", "kind": "CanaryDeployment"}, "object": {"spec": {"analysis": [], "traffic": 3}}}})
}

test_is_silent_on_other_kinds_and_deletions if {
	judged := _judged(_traffic, {"metrics": [_success]}, 0.001)
	every change in [{"kind": {"kind": "GatewayRoute"}}, {"kind": {"group": "example.com"}}, {"object": null}] {
		_allowed(object.union(judged, {"request": change}))
	}
}
