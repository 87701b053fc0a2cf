package ployd.rules.canary.interval_test

import data.ployd.rules.canary.interval as rule

_parameters := {"scrapeIntervalSeconds": 30, "requestSeconds": null, "leastHoldSeconds": 600, "longestHours": 24}

_judged_by(traffic, analysis, parameters) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "CanaryDeployment"},
		"namespace": "models",
		"object": {"spec": {"traffic": traffic, "analysis": analysis}},
	},
	"ployd": {"parameters": {"canary.interval": parameters}},
}

_judged(traffic, analysis) := _judged_by(traffic, analysis, _parameters)

_every(interval) := {"canaryWeight": 10, "stepWeight": 10, "maxWeight": 100, "interval": interval}

_allowed(judged) if {
	rule.deny == set() with input as judged
	rule.warn == set() with input as judged
}

test_allows_steps_of_two_scrapes_and_more if {
	every interval in ["1m", "5m", "1h30m"] {
		_allowed(_judged(_every(interval), {}))
		_allowed(_judged({"interval": "1s", "steps": [{"weight": 50, "interval": interval}]}, {}))
	}
}

test_denies_steps_shorter_than_a_scrape if {
	rule.deny == {{
		"msg": "each step lasts 10s, less than the 30s between two scrapes: its check finds nothing new",
		"path": ["spec", "traffic", "interval"],
		"remedy": "Set it to 1m or more, two scrapes.",
	}} with input as _judged(_every("10s"), {})
	rule.warn == set() with input as _judged(_every("10s"), {})
}

test_denies_each_short_step_by_itself if {
	traffic := {"interval": "5m", "steps": [{"weight": 5, "interval": "29s"}, {"weight": 50}, {"weight": 100, "interval": "1m"}]}
	rows := rule.deny with input as _judged(traffic, {})
	{[row.msg, row.path] | some row in rows} == {[
		"step 1 lasts 29s, less than the 30s between two scrapes: its check finds nothing new",
		["spec", "traffic", "steps", 0, "interval"],
	]}
}

test_warns_of_steps_that_may_see_a_single_scrape if {
	rule.warn == {{
		"msg": "each step lasts 45s: with a scrape each 30s it may see a single one, and a rate needs two",
		"path": ["spec", "traffic", "interval"],
		"remedy": "Set it to 1m or more, two scrapes.",
	}} with input as _judged(_every("45s"), {})
	rule.deny == set() with input as _judged(_every("45s"), {})
	rows := rule.warn with input as _judged(_every("30s"), {})
	count(rows) == 1
}

test_warns_of_steps_shorter_than_a_slow_request if {
	metrics := [
		{"name": "latency_p95", "threshold": 90000},
		{"name": "latency_p99", "threshold": 120, "unit": "seconds"},
		{"name": "ttft_p95", "threshold": 999999},
		{"name": "latency_p50", "threshold": 999999, "relativeToStable": true},
	]
	rule.warn == {{
		"msg": "each step lasts 1m, less than a slow request (latency_p99 may be 2m): what fails late is counted in the next step",
		"path": ["spec", "traffic", "interval"],
		"remedy": "Set it to 2m or more.",
		"related": [{"msg": "how long a slow request may take", "path": ["spec", "analysis", "metrics", 1, "threshold"]}],
	}} with input as _judged(_every("1m"), {"metrics": metrics})
	_allowed(_judged(_every("2m"), {"metrics": metrics}))
}

test_takes_what_was_measured_before_the_limit if {
	parameters := object.union(_parameters, {"requestSeconds": 300})
	metrics := [{"name": "latency_p95", "threshold": 3000}]
	rows := rule.warn with input as _judged_by(_every("2m"), {"metrics": metrics}, parameters)
	{row.msg | some row in rows} == {"each step lasts 2m, less than a slow request (5m): what fails late is counted in the next step"}
}

test_warns_of_a_hold_that_a_restart_outlasts if {
	rule.warn == {{
		"msg": "holdFor 1m is over before the next check (each step lasts 5m) and before Prometheus is back from a restart",
		"path": ["spec", "analysis", "holdFor"],
		"remedy": "Set holdFor to 10m or more.",
		"related": [{"msg": "time between checks", "path": ["spec", "traffic", "interval"]}],
	}} with input as _judged(_every("5m"), {"holdFor": "1m"})
	rule.deny == set() with input as _judged(_every("5m"), {"holdFor": "1m"})
}

test_allows_a_hold_shorter_than_long_steps_or_longer_than_short_ones if {
	every hold in ["10m", "30m", null, "soon", 3, []] {
		_allowed(_judged(_every("1h"), {"holdFor": hold}))
	}
	_allowed(_judged(_every("2m"), {"holdFor": "5m"}))
}

test_warns_of_a_canary_that_takes_too_long if {
	analysis := {"metrics": [{"name": "success_rate", "threshold": 99}], "successThreshold": 5}
	rule.warn == {{
		"msg": "the canary takes at least 28h (9 steps of 2h and 5 checks at 100 percent), more than 24h",
		"path": ["spec", "traffic", "interval"],
		"remedy": "Set interval to 1h42m or less, or take larger steps, or lower successThreshold.",
	}} with input as _judged(_every("2h"), analysis)
	_allowed(_judged(_every("1h42m"), analysis))
	_allowed(_judged(_every("2h"), {"successThreshold": 5}))
}

test_counts_steps_of_different_length if {
	traffic := {
		"canaryWeight": 5,
		"interval": "2h",
		"steps": [{"weight": 10}, {"weight": 50, "interval": "10h"}, {"weight": 100, "interval": "4h"}],
	}
	analysis := {"metrics": [{"name": "success_rate", "threshold": 99}], "successThreshold": 3}
	rule.warn == {{
		"msg": "the canary takes at least 26h (3 steps, the last for 3 checks), more than 24h",
		"path": ["spec", "traffic", "steps"],
		"remedy": "Take 2h away: shorten steps, or lower successThreshold.",
	}} with input as _judged(traffic, analysis)
	_allowed(_judged(object.union(traffic, {"canaryWeight": 10}), analysis))
}

test_says_one_check if {
	rows := rule.warn with input as _judged({"interval": "25h", "steps": [{"weight": 50}]}, {})
	{row.msg | some row in rows} == {"the canary takes at least 25h (1 steps, the last for 1 check), more than 24h"}
}

test_is_silent_about_the_length_without_a_limit if {
	_allowed(_judged_by(_every("200h"), {}, object.union(_parameters, {"longestHours": null})))
}

test_denies_under_parameters_that_are_no_numbers if {
	every value in ["30", 0, -1, 1.5, true, [], {}] {
		every name in ["scrapeIntervalSeconds", "requestSeconds", "leastHoldSeconds", "longestHours"] {
			rows := rule.deny with input as _judged_by(_every("1h"), {}, object.union(_parameters, {name: value}))
			{row.remedy | some row in rows} == {sprintf("Set %s of canary.interval in the environments data.", [name])}
		}
	}
	rows := rule.deny with input as _judged_by(_every("1h"), {}, null)
	count(rows) == 2
}

test_is_silent_about_values_of_another_type if {
	every interval in [null, "", "0s", "soon", 5, true, [], {}] {
		_allowed(_judged(_every(interval), {"holdFor": "1s"}))
		_allowed(_judged({"interval": interval, "steps": [{"weight": 5}, {"interval": interval}, null, "x"]}, {}))
	}
	every metrics in [null, {}, [null, "x", {}, {"name": []}], [{"name": "latency_p95", "threshold": "9"}]] {
		_allowed(_judged(_every("1m"), {"metrics": metrics}))
	}
	_allowed(_judged(_every("1m"), {"metrics": [{"name": "latency_p95", "threshold": 999999, "unit": "percent"}]}))
	_allowed(_judged([], "x"))
	_allowed({
		"request": {"kind": {"group": "ployd.ai", "kind": "CanaryDeployment"}, "object": {}},
		"ployd": {"parameters": {"canary.interval": _parameters}},
	})
}

test_is_silent_on_other_kinds_and_deletions if {
	every change in [{"kind": {"kind": "GatewayRoute"}}, {"kind": {"group": "example.com"}}, {"object": null}] {
		_allowed(object.union(_judged(_every("1s"), {"holdFor": "1s"}), {"request": change}))
	}
}
