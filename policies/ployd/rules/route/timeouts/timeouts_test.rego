package ployd.rules.route.timeouts_test

import data.ployd.rules.route.timeouts as rule

_parameters := {
	"longestAnswer": 2048,
	"tokensPerSecond": 20,
	"gatewayTimeout": "60s",
	"shortPaths": ["/v1/embeddings", "/v1/score/"],
}

_judged_with(parameters, spec) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "GatewayRoute"},
		"object": {"spec": spec},
	},
	"ployd": {"parameters": {"route.timeouts": object.union(_parameters, parameters)}},
}

_judged(spec) := _judged_with({}, spec)

_route(routing) := {"path": "/v2/chat", "methods": ["POST"], "routing": routing}

test_allows_times_that_an_answer_has if {
	every routing in [
		{"timeout": "300s", "streamIdleTimeout": "30s", "retries": 2},
		{"timeout": "103s"},
		{"timeout": "2m"},
		{"timeout": "1h30m30s500ms"},
		{"timeout": "330s", "perTryTimeout": "110s", "retries": 2},
		{"timeout": "120s", "perTryTimeout": "120s", "retries": 0},
		{"timeout": "120s", "perTryTimeout": "120s", "streamIdleTimeout": "120s"},
	] {
		rule.deny == set() with input as _judged(_route(routing))
		rule.warn == set() with input as _judged(_route(routing))
	}
}

test_allows_no_timeout_at_all if {
	routing := {"timeout": "0s", "perTryTimeout": "0ms", "streamIdleTimeout": "300s", "retries": 3}
	rule.deny == set() with input as _judged(_route(routing))
	rule.warn == set() with input as _judged(_route(routing))
}

test_warns_of_a_timeout_that_cuts_the_stream if {
	rule.warn == {{
		"msg": "timeout 30s ends the whole stream, but 2048 tokens at 20 a second take 103 seconds",
		"path": ["spec", "routing", "timeout"],
		"remedy": "Set timeout to 1m43s or more; streamIdleTimeout is for streams that hang.",
	}} with input as _judged(_route({"timeout": "30s", "retries": 3}))
	rule.deny == set() with input as _judged(_route({"timeout": "30s"}))
}

test_warns_of_the_timeout_of_the_gateway if {
	expected := {{
		"msg": concat("", [
			"timeout is not set, so the gateway's own 60s ends the whole stream, ",
			"but 2048 tokens at 20 a second take 103 seconds",
		]),
		"path": ["spec", "routing", "timeout"],
		"remedy": "Set timeout to 1m43s or more.",
	}}
	every routing in [{}, {"timeout": null}, null, [], "x", 3] {
		rule.warn == expected with input as _judged(_route(routing))
	}
	rule.warn == expected with input as _judged({})
	rule.warn == expected with input as _judged({"path": "/v2/chat"})
	rule.warn == set() with input as _judged_with({"gatewayTimeout": null}, _route({}))
	rule.warn == set() with input as _judged_with({"gatewayTimeout": "5m"}, _route({}))
}

test_allows_short_timeouts_where_nothing_is_generated if {
	every spec in [
		{"path": "/v1/embeddings", "methods": ["POST"]},
		{"path": "/v1/embeddings/"},
		{"path": "/v1/embeddings/german"},
		{"path": "/v1/score"},
		{"path": "/v2/chat", "methods": ["GET", "OPTIONS"]},
		{"path": "/v2/chat", "methods": []},
	] {
		rule.warn == set() with input as _judged(object.union(spec, {"routing": {"timeout": "10s", "perTryTimeout": "5s"}}))
		rule.warn == set() with input as _judged(spec)
	}
}

test_warns_on_paths_that_are_not_known_to_be_short if {
	every spec in [{"path": "/v1/embeddings2"}, {"path": "/v1"}, {"path": "/"}, {"path": null}, {"path": 3}, {"methods": ["PUT"]}] {
		rows := rule.warn with input as _judged(object.union(spec, {"routing": {"timeout": "10s"}}))
		{row.path | some row in rows} == {["spec", "routing", "timeout"]}
	}
	rows := rule.warn with input as _judged_with({"shortPaths": null}, {"path": "/v1/embeddings", "routing": {"timeout": "10s"}})
	count(rows) == 1
}

test_warns_of_tries_that_are_too_short_for_an_answer_in_one_piece if {
	rule.warn == {{
		"msg": "perTryTimeout 1m ends every answer that is not streamed, but 2048 tokens at 20 a second take 103 seconds",
		"path": ["spec", "routing", "perTryTimeout"],
		"remedy": "Set perTryTimeout to 1m43s or more, or leave it out.",
	}} with input as _judged(_route({"timeout": "5m", "perTryTimeout": "1m", "retries": 2}))
}

test_denies_a_try_longer_than_all_tries if {
	rule.deny == {{
		"msg": "perTryTimeout 200s is longer than timeout 2m, which ends all tries together",
		"path": ["spec", "routing", "perTryTimeout"],
		"remedy": "Set perTryTimeout to 40s or less, or timeout to 10m or more.",
		"related": [{"msg": "the time of all tries", "path": ["spec", "routing", "timeout"]}],
	}} with input as _judged(_route({"timeout": "2m", "perTryTimeout": "200s", "retries": 2}))
	rule.warn == set() with input as _judged(_route({"timeout": "2m", "perTryTimeout": "200s", "retries": 2}))
}

test_warns_of_tries_that_do_not_fit if {
	rule.warn == {{
		"msg": "4 tries of 105s take 7m, but timeout is 5m30s: the last ones never get their time",
		"path": ["spec", "routing", "perTryTimeout"],
		"remedy": "Set timeout to 7m or more, perTryTimeout to 1m22s500ms or less, or retries to 2.",
		"related": [
			{"msg": "the time of all tries", "path": ["spec", "routing", "timeout"]},
			{"msg": "the tries after the first", "path": ["spec", "routing", "retries"]},
		],
	}} with input as _judged(_route({"timeout": "5m30s", "perTryTimeout": "105s", "retries": 3}))
}

test_warns_with_a_share_that_fits_as_often_as_it_must if {
	rows := rule.warn with input as _judged({"path": "/v1/embeddings", "routing": {"timeout": "20s", "perTryTimeout": "10s", "retries": 2}})
	{row.remedy | some row in rows} == {"Set timeout to 30s or more, perTryTimeout to 6s666ms or less, or retries to 1."}
}

test_warns_of_an_idle_timeout_that_never_acts if {
	rule.warn == {{
		"msg": "streamIdleTimeout 5m never acts: timeout ends the request after 120s",
		"path": ["spec", "routing", "streamIdleTimeout"],
		"remedy": "Set streamIdleTimeout below 120s, or timeout above 5m.",
		"related": [{"msg": "the time of the whole request", "path": ["spec", "routing", "timeout"]}],
	}} with input as _judged(_route({"timeout": "120s", "streamIdleTimeout": "5m"}))
}

test_denies_what_the_gateway_api_cannot_say if {
	rule.deny == {{
		"msg": concat("", [
			"perTryTimeout is \"150.5s\"; the Gateway API takes up to four whole numbers of up to five digits, ",
			"each with h, m, s or ms",
		]),
		"path": ["spec", "routing", "perTryTimeout"],
		"remedy": "Write it as 2m30s500ms.",
	}} with input as _judged(_route({"timeout": "300s", "perTryTimeout": "150.5s"}))
	written := {
		"1.5h": "1h30m",
		"200000s": "55h33m20s",
		"100000ms": "1m40s",
		"1h1m1s1ms1s": "1h1m2s1ms",
		"0.0001s": "0s",
		"0.0s": "0s",
		"1.1s": "1s100ms",
		"99999h59m59.999s": "99999h59m59s999ms",
		"999999999h": "whole numbers with h, m, s or ms, as in 1m30s",
		"2 minutes": "whole numbers with h, m, s or ms, as in 1m30s",
		"-30s": "whole numbers with h, m, s or ms, as in 1m30s",
		"": "whole numbers with h, m, s or ms, as in 1m30s",
	}
	every text, remedy in written {
		rows := rule.deny with input as _judged(_route({"timeout": text}))
		{row.remedy | some row in rows} == {sprintf("Write it as %s.", [remedy])}
	}
}

test_denies_times_of_another_type if {
	every field in ["timeout", "perTryTimeout", "streamIdleTimeout"] {
		every value in [30, true, [], {}, ["30s"]] {
			rows := rule.deny with input as _judged(_route({field: value}))
			{row.path | some row in rows} == {["spec", "routing", field]}
		}
	}
}

test_takes_retries_of_another_type_for_none if {
	every retries in [null, "2", -1, 1.5, [], {}, true] {
		routing := {"timeout": "120s", "perTryTimeout": "110s", "retries": retries}
		rule.warn == set() with input as _judged(_route(routing))
	}
	huge := {"timeout": "120s", "perTryTimeout": "110s", "retries": 9007199254740992}
	rows := rule.warn with input as _judged(_route(huge))
	count(rows) == 1
}

test_is_silent_about_answers_of_unknown_length if {
	every name in ["longestAnswer", "tokensPerSecond"] {
		rule.warn == set() with input as _judged_with({name: null}, _route({"timeout": "10s"}))
		rule.deny == set() with input as _judged_with({name: null}, _route({"timeout": "10s"}))
	}
	bare := {"request": _judged(_route({"timeout": "10s"})).request}
	rule.warn == set() with input as bare
	rule.deny == set() with input as bare
}

test_denies_unusable_parameters if {
	every name in ["longestAnswer", "tokensPerSecond", "gatewayTimeout"] {
		every value in ["x", 0, -1, true, [], {}] {
			rows := rule.deny with input as _judged_with({name: value}, _route({"timeout": "300s"}))
			{row.remedy | some row in rows} == {sprintf("Set %s of route.timeouts in the environments data.", [name])}
		}
	}
}

test_is_silent_on_other_kinds_and_deletions if {
	judged := _judged_with({"gatewayTimeout": 3}, _route({"timeout": "1.5s"}))
	other := object.union(judged, {"request": {"kind": {"group": "ployd.ai", "kind": "CanaryDeployment"}}})
	gone := {"request": {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": null}}
	every silent in [other, gone] {
		rule.deny == set() with input as silent
		rule.warn == set() with input as silent
	}
}
