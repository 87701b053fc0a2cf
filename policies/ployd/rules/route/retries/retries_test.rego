package ployd.rules.route.retries_test

import data.ployd.rules.route.retries as rule

_judged_with(parameters, spec) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "GatewayRoute"},
		"object": {"spec": spec},
	},
	"ployd": {"parameters": {"route.retries": object.union({"most": 3, "repeatablePaths": ["/v1/embeddings"]}, parameters)}},
}

_judged(spec) := _judged_with({}, spec)

_route(routing) := {"path": "/v2/chat", "methods": ["POST", "OPTIONS"], "routing": routing}

test_allows_retries_from_before_the_model_began if {
	every routing in [
		{"retries": 2},
		{"retries": 3, "retryOn": null},
		{"retries": 3, "retryOn": []},
		{"retries": 0, "retryOn": ["5xx", "no-such-failure"]},
		{"retries": 2, "retryOn": ["connect-failure", "refused-stream", "reset-before-request", "503", "429", "425"]},
		{"retryOn": ["unavailable", "retriable-status-codes", "503"]},
		{},
	] {
		count(rule.deny | rule.warn) == 0 with input as _judged(_route(routing))
	}
}

test_denies_retries_of_what_the_model_may_have_begun if {
	rule.deny == {{
		"msg": "a retry on 5xx repeats requests that the model may have begun; each try is a generation of its own",
		"path": ["spec", "routing", "retryOn", 1],
		"remedy": "Remove 5xx; connect-failure, refused-stream, reset-before-request and 503 come from before it began.",
	}} with input as _judged(_route({"retries": 2, "retryOn": ["connect-failure", "5xx"]}))
	every failure in ["gateway-error", "reset", "retriable-4xx", "retriable-headers", "internal", "500", "502", "504", "200"] {
		rows := rule.deny with input as _judged(_route({"retries": 2, "retryOn": [failure]}))
		{row.path | some row in rows} == {["spec", "routing", "retryOn", 0]}
		rule.warn == set() with input as _judged(_route({"retries": 2, "retryOn": [failure]}))
	}
}

test_denies_where_the_number_is_the_gateways_own if {
	every routing in [{"retryOn": ["reset"]}, {"retryOn": ["reset"], "retries": null}, {"retryOn": ["reset"], "retries": "2"}] {
		rows := rule.deny with input as _judged(_route(routing))
		count(rows) == 1
	}
}

test_denies_where_any_method_that_writes_is_taken if {
	every methods in [null, ["PUT"], ["GET", "PATCH"], "POST"] {
		spec := {"path": "/v2/chat", "methods": methods, "routing": {"retryOn": ["5xx"]}}
		rows := rule.deny with input as _judged(spec)
		count(rows) == 1
	}
	rows := rule.deny with input as _judged({"routing": {"retryOn": ["5xx"]}})
	count(rows) == 1
}

test_allows_every_failure_where_a_request_costs_nothing if {
	every spec in [
		{"path": "/v2/models", "methods": ["GET", "HEAD"]},
		{"path": "/v1/embeddings", "methods": ["POST"]},
		{"path": "/v1/embeddings/german/"},
	] {
		judged := _judged(object.union(spec, {"routing": {"retries": 2, "retryOn": ["5xx", "504", "reset"]}}))
		count(rule.deny | rule.warn) == 0 with input as judged
	}
	every path in ["/v1/embeddings-new", "/v1", null, 3, []] {
		rows := rule.deny with input as _judged({"path": path, "routing": {"retryOn": ["5xx"]}})
		count(rows) == 1
	}
	rows := rule.deny with input as _judged_with({"repeatablePaths": null}, {"path": "/v1/embeddings", "routing": {"retryOn": ["5xx"]}})
	count(rows) == 1
}

test_denies_names_that_envoy_does_not_know if {
	rule.deny == {{
		"msg": "Envoy knows no failure connect-failures to retry on",
		"path": ["spec", "routing", "retryOn", 0],
		"remedy": "Correct the name or remove it. Did you mean connect-failure?",
	}} with input as _judged({"methods": ["GET"], "routing": {"retries": 1, "retryOn": ["connect-failures"]}})
	every failure in ["600", "5XX", "never"] {
		rows := rule.deny with input as _judged(_route({"retries": 1, "retryOn": [failure]}))
		{row.remedy | some row in rows} == {"Correct the name or remove it."}
	}
}

test_warns_of_codes_that_come_back_the_same if {
	rule.warn == {{
		"msg": "a retry on 400 sends what was answered already, and gets the same answer",
		"path": ["spec", "routing", "retryOn", 1],
		"remedy": "Remove 400.",
	}} with input as _judged(_route({"retries": 1, "retryOn": ["503", "400"]}))
	rule.deny == set() with input as _judged(_route({"retries": 1, "retryOn": ["503", "400"]}))
	every code in ["404", "301", "100", "409"] {
		rows := rule.warn with input as _judged(_route({"retries": 1, "retryOn": [code]}))
		{row.remedy | some row in rows} == {sprintf("Remove %s.", [code])}
	}
}

test_warns_of_codes_that_are_not_there if {
	rule.warn == {{
		"msg": "retriable-status-codes without a code retries nothing",
		"path": ["spec", "routing", "retryOn", 0],
		"remedy": "Add \"503\" to retryOn, or remove retriable-status-codes.",
	}} with input as _judged(_route({"retries": 1, "retryOn": ["retriable-status-codes", "connect-failure"]}))
}

test_warns_of_many_tries if {
	rule.warn == {{
		"msg": "retries is 5, so a request is sent up to 6 times, and the load of a model that fails grows as much",
		"path": ["spec", "routing", "retries"],
		"remedy": "Set retries to 3 or less.",
	}} with input as _judged(_route({"retries": 5}))
	rule.warn == set() with input as _judged_with({"most": null}, _route({"retries": 5}))
	rule.warn == set() with input as _judged_with({"most": 5}, _route({"retries": 5}))
	every retries in ["5", 4.5, [], {}, true, null, -5] {
		rule.warn == set() with input as _judged(_route({"retries": retries}))
	}
	rows := rule.warn with input as _judged(_route({"retries": 9007199254740992}))
	count(rows) == 1
}

test_denies_an_unusable_most if {
	every most in ["3", -1, 1.5, true, [], {}] {
		rows := rule.deny with input as _judged_with({"most": most}, _route({"retries": 1}))
		{row.remedy | some row in rows} == {"Set most of route.retries in the environments data."}
	}
}

test_leaves_values_of_another_type_to_the_schema if {
	every retry_on in [3, "5xx", {}, true, [3, null, {}, []]] {
		count(rule.deny | rule.warn) == 0 with input as _judged(_route({"retries": 1, "retryOn": retry_on}))
	}
	every routing in [null, [], "x", 3] {
		count(rule.deny | rule.warn) == 0 with input as _judged(_route(routing))
	}
	every spec in [null, [], "x", {}] {
		count(rule.deny | rule.warn) == 0 with input as _judged(spec)
	}
}

test_is_silent_on_other_kinds_and_deletions if {
	judged := _judged_with({"most": "x"}, _route({"retries": 9, "retryOn": ["5xx"]}))
	other := object.union(judged, {"request": {"kind": {"group": "ployd.ai", "kind": "CanaryDeployment"}}})
	gone := {"request": {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": null}}
	every silent in [other, gone] {
		rule.deny == set() with input as silent
		rule.warn == set() with input as silent
	}
}
