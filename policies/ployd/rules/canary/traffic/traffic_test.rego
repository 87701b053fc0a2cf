package ployd.rules.canary.traffic_test

import data.ployd.rules.canary.traffic as rule

_steps := {"canaryWeight": 10, "stepWeight": 10, "maxWeight": 50, "interval": "5m"}

_slow := {"name": "latency_p95", "threshold": 3000}

_both := ["chat-v1", "chat-v2"]

_entry(id, names, limit, timeout) := {"id": id, "cluster": "", "spec": {
	"models": [{"name": name} | some name in names],
	"rateLimit": limit,
	"routing": {"timeout": timeout},
}}

_limited(id, names, limit) := _entry(id, names, limit, null)

_timed(id, names, timeout) := _entry(id, names, null, timeout)

_sixty := {"global": {"rpm": 60, "burst": 10}}

_judged_in(spec, objects) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "CanaryDeployment"},
		"namespace": "models",
		"name": "chat-canary",
		"object": {"spec": object.union({"stable": {"model": "chat-v1"}, "canary": {"model": "chat-v2"}}, spec)},
	},
	"ployd": {
		"self": {"environment": "production", "cluster": "aws", "id": 9},
		"inventory": {"order": [], "objects": objects},
	},
}

_judged(spec, routes) := _judged_in(spec, {"production": {"GatewayRoute": {"models": routes}}})

_waiting(samples) := {"traffic": _steps, "analysis": {"metrics": [_slow], "minSamples": samples}}

_measuring(metrics) := {"traffic": _steps, "analysis": {"metrics": metrics}}

_silent(judged) if {
	rule.warn == set() with input as judged
}

test_warns_of_a_rate_limit_that_lets_too_little_through if {
	rule.warn == {{
		"msg": concat(" ", [
			"the first step (10 percent for 5m) sees at most 31 requests,",
			"since route chat-api lets 60 a minute through; a check needs 59",
		]),
		"path": ["spec", "traffic", "interval"],
		"remedy": "Let it last 10m or more, or give it 20 percent or more, or raise the rate limit to 116 a minute.",
		"related": [
			{"msg": "what a check needs", "path": ["spec", "analysis", "minSamples"]},
			{"msg": "the rate limit", "path": ["spec", "rateLimit", "global", "rpm"], "object": 4},
		],
	}} with input as _judged(_waiting(59), {"chat-api": [_limited(4, _both, _sixty)]})
}

test_allows_what_its_remedy_offers if {
	routes := {"chat-api": [_limited(4, _both, _sixty)]}
	_silent(_judged(_waiting(31), routes))
	_silent(_judged(object.union(_waiting(59), {"traffic": {"interval": "10m"}}), routes))
	_silent(_judged(object.union(_waiting(59), {"traffic": {"canaryWeight": 20}}), routes))
	_silent(_judged(_waiting(59), {"chat-api": [_limited(4, _both, {"global": {"rpm": 116, "burst": 10}})]}))
	rows := rule.warn with input as _judged(_waiting(59), {"chat-api": [_limited(4, _both, {"global": {"rpm": 115, "burst": 10}})]})
	count(rows) == 1
}

test_warns_of_each_step_that_sees_too_little if {
	traffic := {"interval": "10m", "steps": [
		{"weight": 5},
		{"weight": 25, "interval": "1h"},
		{"weight": 50, "interval": null},
		null,
		{"weight": 200},
	]}
	rows := rule.warn with input as _judged(object.union(_waiting(400), {"traffic": traffic}), {"a": [_limited(4, _both, {"global": {"rpm": 60}})]})
	{[row.msg, row.path, row.remedy] | some row in rows} == {
		[
			"step 1 (5 percent for 10m) sees at most 30 requests, since route a lets 60 a minute through; a check needs 400",
			["spec", "traffic", "steps", 0, "interval"],
			"Let it last 2h14m or more, or give it 67 percent or more, or raise the rate limit to 800 a minute.",
		],
		[
			"step 3 (50 percent for 10m) sees at most 300 requests, since route a lets 60 a minute through; a check needs 400",
			["spec", "traffic", "steps", 2, "interval"],
			"Let it last 14m or more, or give it 67 percent or more, or raise the rate limit to 80 a minute.",
		],
	}
}

test_starts_counting_where_the_canary_has_traffic if {
	spec := object.union(_waiting(100), {"traffic": {"canaryWeight": 0, "stepWeight": 20}})
	rows := rule.warn with input as _judged(spec, {"a": [_limited(4, _both, {"global": {"rpm": 60}})]})
	{row.msg | some row in rows} == {concat("", [
		"the first step (20 percent for 5m) sees at most 60 requests, since route a lets 60 a minute through; ",
		"a check needs 100",
	])}
}

test_offers_no_weight_above_all_and_no_limit_beyond_counting if {
	rows := rule.warn with input as _judged(_waiting(500), {"a": [_limited(4, _both, _sixty)]})
	{row.remedy | some row in rows} == {"Let it last 1h24m or more, or raise the rate limit to 998 a minute."}
	soon := object.union(_waiting(9007199254740992), {"traffic": {"interval": "1ms"}})
	others := rule.warn with input as _judged(soon, {"a": [_limited(4, _both, _sixty)]})
	{row.remedy | some row in others} == {"Let it last 277777h46m40s or more."}
}

test_adds_the_limits_of_all_routes_the_canary_moves if {
	routes := {
		"a": [_limited(4, _both, {"global": {"rpm": 60}})],
		"b": [_limited(5, ["x", "chat-v2", "chat-v1"], {"global": {"rpm": 30}})],
	}
	rows := rule.warn with input as _judged(_waiting(59), routes)
	count(rows) == 1
	every row in rows {
		contains(row.msg, "sees at most 45 requests, since routes a and b let 90 a minute through")
		endswith(row.remedy, "or raise the rate limit to 118 a minute for all routes together.")
		count(row.related) == 3
	}
}

test_looks_at_the_route_that_is_named_only if {
	spec := object.union(_waiting(59), {"route": "chat-api"})
	_silent(_judged(spec, {"other": [_limited(4, _both, _sixty)]}))
	rows := rule.warn with input as _judged(spec, {"chat-api": [_limited(4, [], _sixty)], "other": [_limited(5, _both, {})]})
	count(rows) == 1
	metrics := object.union(_measuring([{"name": "latency_p95", "threshold": 40000}]), {"route": "chat-api"})
	others := rule.warn with input as _judged(metrics, {"chat-api": [_timed(4, [], "30s")], "slow-api": [_timed(5, _both, "1h")]})
	count(others) == 1
}

test_looks_at_routes_that_may_be_meant_for_this_one if {
	route := _limited(4, _both, _sixty)
	speaking := [
		{"production": {"GatewayRoute": {"models": {"a": [object.union(route, {"cluster": "aws"})]}}}},
		{"production": {"GatewayRoute": {"": {"a": [route]}}}},
		{"": {"GatewayRoute": {"models": {"a": [route]}}}},
	]
	every objects in speaking {
		rows := rule.warn with input as _judged_in(_waiting(59), objects)
		count(rows) == 1
	}
	_silent(_judged(_waiting(59), {"a": [object.union(route, {"cluster": "azure"})]}))
	_silent(_judged_in(_waiting(59), {"staging": {"GatewayRoute": {"models": {"a": [route]}}}}))
	_silent(_judged_in(_waiting(59), {"production": {"GatewayRoute": {"others": {"a": [route]}}}}))
	everywhere := {"ployd": {"self": {"cluster": ""}}}
	rows := rule.warn with input as object.union(_judged(_waiting(59), {"a": [object.union(route, {"cluster": "azure"})]}), everywhere)
	count(rows) == 1
}

test_is_silent_where_a_route_has_no_limit if {
	every limit in [{}, null, {"global": {"tpm": 9}}, {"global": {"rpm": 0}}, {"global": {"rpm": "1"}}, {"enabled": false, "global": {"rpm": 1}}] {
		_silent(_judged(_waiting(59), {"a": [_limited(4, _both, limit)]}))
		_silent(_judged(_waiting(59), {"a": [_limited(4, _both, limit)], "b": [_limited(5, _both, _sixty)]}))
	}
	_silent(_judged(_waiting(59), {"a": [_limited(4, ["chat-v1"], _sixty)], "b": [{"id": 3, "cluster": "", "spec": null}]}))
	_silent(_judged(_waiting(59), {}))
	_silent(_judged(_waiting(59), {"a": [_limited(4, _both, {"global": {"rpm": 9007199254740993}})]}))
}

test_is_silent_where_no_check_waits if {
	routes := {"a": [_limited(4, _both, {"global": {"rpm": 1}})]}
	every samples in [null, "500", 0, -1, 1.5, true, [], {}, 1e300] {
		_silent(_judged(_waiting(samples), routes))
	}
	every metrics in [null, [], {}, "x"] {
		_silent(_judged(object.union(_waiting(500), {"analysis": {"metrics": metrics}}), routes))
	}
}

test_warns_of_latencies_beyond_the_timeout_of_the_route if {
	rule.warn == {{
		"msg": "latency_p95 40000 milliseconds never fails: the route chat-api ends requests after 30s",
		"path": ["spec", "analysis", "metrics", 0, "threshold"],
		"remedy": "Set it below 30000 milliseconds, or raise the timeout of the route.",
		"related": [{"msg": "the timeout", "path": ["spec", "routing", "timeout"], "object": 4}],
	}} with input as _judged(_measuring([{"name": "latency_p95", "threshold": 40000}]), {"chat-api": [_timed(4, _both, "30s")]})
	metrics := [{"name": "success_rate", "threshold": 99}, {"name": "ttft_p95", "threshold": 90, "unit": "seconds"}]
	rows := rule.warn with input as _judged(_measuring(metrics), {"chat-api": [_timed(4, _both, "1m30s")]})
	{[row.msg, row.path, row.remedy] | some row in rows} == {[
		"ttft_p95 90 seconds never fails: the route chat-api ends requests after 1m30s",
		["spec", "analysis", "metrics", 1, "threshold"],
		"Set it below 90 seconds, or raise the timeout of the route.",
	]}
}

test_allows_latencies_within_a_timeout if {
	spec := _measuring([{"name": "latency_p95", "threshold": 40000}])
	_silent(_judged(spec, {"a": [_timed(4, _both, "1m")]}))
	_silent(_judged(spec, {"a": [_timed(4, ["chat-v1"], "30s")]}))
	_silent(_judged(spec, {"a": [_timed(4, _both, "30s")], "b": [_timed(5, _both, "1m")]}))
	every timeout in [null, "soon", 30, [], "0s", "999999999h"] {
		_silent(_judged(spec, {"a": [_timed(4, _both, timeout)]}))
		_silent(_judged(spec, {"a": [_timed(4, _both, timeout)], "b": [_timed(5, _both, "30s")]}))
	}
}

test_is_silent_about_metrics_of_another_sort if {
	every metric in [
		null,
		"x",
		{},
		{"name": []},
		{"name": "latency_p95"},
		{"name": "latency_p95", "threshold": "40000"},
		{"name": "latency_p95", "threshold": 40000, "unit": "percent"},
		{"name": "latency_p95", "threshold": 40000, "unit": []},
		{"name": "latency_p95", "threshold": 40000, "relativeToStable": true},
		{"name": "error_rate", "threshold": 40000},
		{"name": "own", "threshold": 40000, "unit": "milliseconds"},
	] {
		_silent(_judged(_measuring([metric]), {"a": [_timed(4, _both, "30s")]}))
	}
}

test_shows_a_threshold_beyond_counting if {
	rows := rule.warn with input as _judged(_measuring([{"name": "latency_p95", "threshold": 1e300}]), {"a": [_timed(4, _both, "30s")]})
	{row.msg | some row in rows} == {"latency_p95 a number beyond 2^53 milliseconds never fails: the route a ends requests after 30s"}
}

test_is_silent_about_steps_of_another_type if {
	routes := {"a": [_limited(4, _both, {"global": {"rpm": 1}})]}
	every traffic in [null, [], {}, {"interval": "soon"}, {"interval": "0s", "canaryWeight": 10}, {"steps": [null, 3, {"weight": 200}]}] {
		analysis := {"metrics": [_slow], "minSamples": 59}
		request := object.remove(_judged({}, routes).request, ["object"])
		_silent({
			"request": object.union(request, {"object": {"spec": {"route": "a", "traffic": traffic, "analysis": analysis}}}),
			"ployd": _judged({}, routes).ployd,
		})
	}
}

test_is_silent_without_an_inventory_on_other_kinds_and_deletions if {
	judged := _judged(_waiting(59), {"a": [_entry(4, _both, _sixty, "1s")]})
	rows := rule.warn with input as judged
	count(rows) == 2
	_silent({"request": judged.request, "ployd": {"parameters": {}}})
	every change in [{"kind": {"kind": "GatewayRoute"}}, {"kind": {"group": "example.com"}}, {"object": null}] {
		_silent(object.union(judged, {"request": change}))
	}
}
