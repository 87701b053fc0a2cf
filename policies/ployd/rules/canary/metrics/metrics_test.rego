package ployd.rules.canary.metrics_test

import data.ployd.rules.canary.metrics as rule

_parameters := {
	"required": true,
	"leastMilliseconds": {"latency_p95": 5, "itl_p95": 1},
	"mostMilliseconds": 600000,
	"mostPercentOfStable": 200,
}

_judged_by(analysis, parameters) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "CanaryDeployment"},
		"namespace": "models",
		"object": {"spec": {"analysis": analysis}},
	},
	"ployd": {"parameters": {"canary.metrics": parameters}},
}

_judged(metrics) := _judged_by({"metrics": metrics}, _parameters)

_allowed(judged) if {
	rule.deny == set() with input as judged
	rule.warn == set() with input as judged
}

_denials(metrics) := {row.msg | some row in rows} if {
	rule.warn == set() with input as _judged(metrics)
	rows := rule.deny with input as _judged(metrics)
}

_warnings(metrics) := {[row.msg, row.remedy] | some row in rows} if {
	rule.deny == set() with input as _judged(metrics)
	rows := rule.warn with input as _judged(metrics)
}

test_allows_limits_in_their_units if {
	every metrics in [
		[{"name": "success_rate", "threshold": 99.5}, {"name": "error_rate", "threshold": 0.1}, {"name": "latency_p95", "threshold": 200}],
		[{"name": "success_rate", "threshold": 0.995, "unit": "ratio", "direction": "above"}],
		[{"name": "success_rate", "threshold": 99.9}, {"name": "error_rate", "threshold": 0.1, "direction": "below"}],
		[{"name": "error_rate", "threshold": 0.01, "unit": "ratio"}, {"name": "success_rate", "threshold": 99, "unit": "percent"}],
		[{"name": "latency_p99", "threshold": 2.5, "unit": "seconds"}, {"name": "latency_p95", "threshold": 2000, "unit": "milliseconds"}],
		[{"name": "ttft_p95", "threshold": 110, "relativeToStable": true}, {"name": "itl_p95", "threshold": 1.1, "unit": "ratio", "relativeToStable": true}],
		[{"name": "success_rate", "threshold": 99, "relativeToStable": true}],
		[{"name": "tokens", "query": "x", "threshold": 3, "direction": "above"}, {"name": "others", "query": "y", "threshold": 3, "unit": "count"}],
		[{"name": "mine", "query": "x", "threshold": 120, "direction": "below", "relativeToStable": true}],
	] {
		_allowed(_judged(metrics))
	}
}

test_denies_a_canary_that_nothing_measures if {
	rule.deny == {{
		"msg": "nothing is measured: only time passes until every user has the new model",
		"path": ["spec", "analysis", "metrics"],
		"remedy": "Add analysis.metrics, e.g. success_rate with threshold 99 and latency_p95 with what users accept in milliseconds.",
	}} with input as _judged([])
	every analysis in [null, [], "x", {}, {"metrics": null}, {"metrics": {}}] {
		every required in [true, null, "no"] {
			rows := rule.deny with input as _judged_by(analysis, object.union(_parameters, {"required": required}))
			count(rows) == 1
		}
	}
}

test_warns_of_it_where_none_is_required if {
	relaxed := object.union(_parameters, {"required": false})
	rule.deny == set() with input as _judged_by({}, relaxed)
	rows := rule.warn with input as _judged_by({}, relaxed)
	{row.path | some row in rows} == {["spec", "analysis", "metrics"]}
}

test_denies_a_ratio_written_as_a_percentage if {
	rule.deny == {{
		"msg": "success_rate above 0.995 percent passes when 99.005 of 100 requests fail",
		"path": ["spec", "analysis", "metrics", 0, "threshold"],
		"remedy": "Write 99.5, or set unit to ratio.",
	}} with input as _judged([{"name": "success_rate", "threshold": 0.995}])
	every threshold in [1, 0.01, 0.999] {
		count(_denials([{"name": "success_rate", "threshold": threshold, "unit": "percent"}])) == 1
	}
	_allowed(_judged([{"name": "success_rate", "threshold": 1.5}]))
}

test_denies_rates_that_cannot_be if {
	rule.deny == {{
		"msg": "success_rate 99.5 as a ratio is outside 0 to 1",
		"path": ["spec", "analysis", "metrics", 0, "threshold"],
		"remedy": "Write 0.995, or unit percent.",
	}} with input as _judged([{"name": "success_rate", "threshold": 99.5, "unit": "ratio"}])
	_denials([{"name": "error_rate", "threshold": 101}]) == {"error_rate 101 percent is outside 0 to 100"}
	_denials([{"name": "error_rate", "threshold": -1}]) == {"error_rate -1 percent is outside 0 to 100"}
	rows := rule.deny with input as _judged([{"name": "error_rate", "threshold": 995}])
	{row.remedy | some row in rows} == {"Write a number from 0 to 100."}
}

test_denies_units_that_do_not_fit if {
	rule.deny == {{
		"msg": "latency_p95 110 is limited in percent, but it is measured in milliseconds or seconds",
		"path": ["spec", "analysis", "metrics", 0, "unit"],
		"remedy": "Set relativeToStable to true for a share of what stable shows, or write milliseconds.",
	}} with input as _judged([{"name": "latency_p95", "threshold": 110, "unit": "percent"}])
	expected := [
		[
			{"name": "success_rate", "threshold": 99, "unit": "milliseconds"},
			"success_rate 99 is limited in milliseconds, but it is measured in percent or ratio",
			"Write it in percent or ratio.",
		],
		[
			{"name": "ttft_p95", "threshold": 500, "unit": "count"},
			"ttft_p95 500 is limited in count, but it is measured in milliseconds or seconds",
			"Write it in milliseconds or seconds.",
		],
		[
			{"name": "ttft_p95", "threshold": 500, "unit": "milliseconds", "relativeToStable": true},
			"ttft_p95 500 is limited in milliseconds, but it is measured in percent or ratio",
			"Write a percentage of stable, e.g. 110, with unit percent.",
		],
		[
			{"name": "own", "query": "x", "direction": "below", "threshold": 3, "unit": "seconds", "relativeToStable": true},
			"own 3 is limited in seconds, but it is measured in percent or ratio",
			"Write a percentage of stable, e.g. 110, with unit percent.",
		],
	]
	every case in expected {
		rows := rule.deny with input as _judged([case[0]])
		{[row.msg, row.remedy] | some row in rows} == {[case[1], case[2]]}
	}
}

test_denies_latencies_of_nothing if {
	_denials([{"name": "latency_p95", "threshold": 0}]) == {"no request keeps latency_p95 0 milliseconds"}
	_denials([{"name": "itl_p95", "threshold": -5, "unit": "percent", "relativeToStable": true}]) == {"no request keeps itl_p95 -5 percent"}
}

test_denies_directions_that_reward_the_worse if {
	rule.deny == {{
		"msg": "success_rate has to stay below 99: the worse the canary is, the better it passes",
		"path": ["spec", "analysis", "metrics", 0, "direction"],
		"remedy": "Set direction to above, or leave it out.",
	}} with input as _judged([{"name": "success_rate", "threshold": 99, "direction": "below"}])
	every name in ["error_rate", "latency_p50", "ttft_p95", "queue_time_p95"] {
		rows := rule.deny with input as _judged([{"name": name, "threshold": 50, "direction": "above"}])
		{row.remedy | some row in rows} == {"Set direction to below, or leave it out."}
	}
}

_own(name, direction, threshold) := {"name": name, "query": "up", "direction": direction, "threshold": threshold}

test_denies_limits_that_nothing_keeps if {
	rule.deny == {{
		"msg": "busy and idle ask the same: nothing is above 5 and below 3",
		"path": ["spec", "analysis", "metrics", 0, "threshold"],
		"remedy": "Set it above 5, or lower the other.",
		"related": [{"msg": "the other limit", "path": ["spec", "analysis", "metrics", 1, "threshold"]}],
	}} with input as _judged([_own("idle", "below", 3), _own("busy", "above", 5)])
	_allowed(_judged([_own("idle", "below", 5), _own("busy", "above", 3)]))
}

test_warns_of_one_query_twice if {
	rule.warn == {{
		"msg": "busy and idle ask the same in the same direction: only the stricter decides",
		"path": ["spec", "analysis", "metrics", 1, "query"],
		"remedy": "Take one of them out.",
		"related": [{"msg": "the same query", "path": ["spec", "analysis", "metrics", 0, "query"]}],
	}} with input as _judged([_own("busy", "above", 3), _own("idle", "above", 5)])
	_allowed(_judged([_own("busy", "above", 3), object.union(_own("idle", "above", 5), {"query": "down"})]))
}

test_warns_of_an_error_rate_that_never_decides if {
	rule.warn == {{
		"msg": "error_rate 1 percent never fails first: success_rate already does at 0.5 percent of errors",
		"path": ["spec", "analysis", "metrics", 1, "threshold"],
		"remedy": "Set error_rate to 0.5 percent or less, or take one of the two out.",
		"related": [{"msg": "the stricter limit", "path": ["spec", "analysis", "metrics", 0, "threshold"]}],
	}} with input as _judged([{"name": "success_rate", "threshold": 99.5}, {"name": "error_rate", "threshold": 1}])
	metrics := [{"name": "error_rate", "threshold": 0.02, "unit": "ratio"}, {"name": "success_rate", "threshold": 0.99, "unit": "ratio"}]
	count(_warnings(metrics)) == 1
}

test_warns_of_quantiles_the_wrong_way_round if {
	rule.warn == {{
		"msg": "latency_p50 5 seconds never fails first: latency_p95 3000 milliseconds comes before it",
		"path": ["spec", "analysis", "metrics", 0, "threshold"],
		"remedy": "Set latency_p50 below 3000 milliseconds, or latency_p95 above 5000.",
		"related": [{"msg": "the stricter limit", "path": ["spec", "analysis", "metrics", 1, "threshold"]}],
	}} with input as _judged([{"name": "latency_p50", "threshold": 5, "unit": "seconds"}, {"name": "latency_p95", "threshold": 3000}])
	every pair in [["latency_p95", "latency_p99"], ["ttft_p95", "latency_p95"], ["queue_time_p95", "ttft_p95"]] {
		count(_warnings([{"name": pair[0], "threshold": 900}, {"name": pair[1], "threshold": 800}])) == 1
		_allowed(_judged([{"name": pair[0], "threshold": 800}, {"name": pair[1], "threshold": 800}]))
	}
}

test_warns_of_seconds_in_the_place_of_milliseconds if {
	_warnings([{"name": "latency_p95", "threshold": 2}]) == {[
		"latency_p95 2 milliseconds looks like seconds: no model answers within 5 milliseconds",
		"Write 2000, or set unit to seconds.",
	]}
	_allowed(_judged([{"name": "itl_p95", "threshold": 2}]))
	_allowed(_judged([{"name": "latency_p95", "threshold": 2, "unit": "seconds"}]))
	_allowed(_judged([{"name": "queue_time_p95", "threshold": 0.1}]))
}

test_warns_of_milliseconds_in_the_place_of_seconds if {
	_warnings([{"name": "latency_p95", "threshold": 3000, "unit": "seconds"}]) == {[
		"latency_p95 3000 seconds is 50m: every canary passes",
		"Write 3, or set unit to milliseconds.",
	]}
	_warnings([{"name": "ttft_p95", "threshold": 700000}]) == {[
		"ttft_p95 700000 milliseconds is 11m40s: every canary passes",
		"Set it to 600000 milliseconds or less.",
	]}
}

test_warns_of_comparisons_that_equal_models_fail if {
	_warnings([{"name": "ttft_p95", "threshold": 1.1, "relativeToStable": true}]) == {[
		"ttft_p95 1.1 percent of stable: a canary that is just as good fails half of its checks",
		"Write 110, or set unit to ratio.",
	]}
	_warnings([{"name": "ttft_p95", "threshold": 100, "unit": "percent", "relativeToStable": true}]) == {[
		"ttft_p95 100 percent of stable: a canary that is just as good fails half of its checks",
		"Write how much more than stable it may show, e.g. 110.",
	]}
	_warnings([{"name": "error_rate", "threshold": 0.9, "unit": "ratio", "relativeToStable": true}]) == {[
		"error_rate 0.9 as a ratio of stable: a canary that is just as good fails half of its checks",
		"Write how much more than stable it may show, e.g. 1.1.",
	]}
	_warnings([{"name": "success_rate", "threshold": 100, "relativeToStable": true}]) == {[
		"success_rate 100 percent of stable: a canary that is just as good fails half of its checks",
		"Write less than all of it, e.g. 99.",
	]}
}

test_warns_of_comparisons_that_let_everything_pass if {
	_warnings([{"name": "ttft_p95", "threshold": 110, "unit": "ratio", "relativeToStable": true}]) == {[
		"ttft_p95 may be 110 times that of stable",
		"Set unit to percent, or write 1.1.",
	]}
	_warnings([{"name": "ttft_p95", "threshold": 250, "relativeToStable": true}]) == {[
		"ttft_p95 may be 2.5 times that of stable",
		"Write 200 or less.",
	]}
	_warnings([{"name": "ttft_p95", "threshold": 3, "unit": "ratio", "relativeToStable": true}]) == {[
		"ttft_p95 may be 3 times that of stable",
		"Write 2 or less.",
	]}
}

test_denies_under_parameters_that_cannot_be_used if {
	every change in [{"mostMilliseconds": null}, {"mostPercentOfStable": "200"}, {"leastMilliseconds": 5}, {"leastMilliseconds": null}] {
		rows := rule.deny with input as _judged_by({"metrics": [{"name": "success_rate", "threshold": 99}]}, object.union(_parameters, change))
		{row.path | some row in rows} == {[]}
	}
}

test_is_silent_about_values_of_another_type if {
	every value in [null, "x", 3, [], {}, {"name": 3}, {"name": "success_rate"}, {"name": "success_rate", "threshold": "0.9"}] {
		_allowed(_judged([value]))
	}
	every unit in [3, [], {}, true] {
		_allowed(_judged([{"name": "success_rate", "threshold": 0.5, "unit": unit}]))
	}
	every direction in [3, [], "up", null] {
		_allowed(_judged([{"name": "success_rate", "threshold": 99, "direction": direction}]))
	}
	_allowed(_judged_by({"metrics": [{"name": "latency_p95", "threshold": 2}]}, object.union(_parameters, {"leastMilliseconds": {"latency_p95": "5"}})))
}

test_is_silent_on_other_kinds_and_deletions if {
	every change in [{"kind": {"kind": "GatewayRoute"}}, {"kind": {"group": "example.com"}}, {"object": null}] {
		_allowed(object.union(_judged([]), {"request": change}))
	}
}
