package ployd.rules.route.rate_limit_test

import data.ployd.rules.route.rate_limit as rule

_judged_with(parameters, spec) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "GatewayRoute"},
		"object": {"spec": spec},
	},
	"ployd": {"parameters": {"route.rate_limit": parameters}},
}

_judged(spec) := _judged_with({"required": true}, spec)

_known := {"required": true, "methods": ["api_key"]}

_route(rate_limit) := {"rateLimit": rate_limit, "authentication": _known}

test_allows_limits_that_can_be_reached if {
	every limits in [
		{"global": {"rpm": 10000, "burst": 1000}, "perClient": {"rpm": 1000, "burst": 100}},
		{"perClient": {"rpm": 300, "tpm": 200000}},
		{"global": {"tpm": 1000}, "enabled": true},
		{"global": {"rpm": 1000, "burst": 1000}, "perClient": {"rpm": 1000}},
		{"global": {"rpm": 10}, "perClient": {"tpm": 1000000}},
	] {
		count(rule.deny | rule.warn) == 0 with input as _judged(_route(limits))
	}
	count(rule.deny | rule.warn) == 0 with input as _judged({"rateLimit": {"global": {"rpm": 10}}})
}

test_denies_a_route_without_any_limit if {
	remedy := "Set rateLimit.global.rpm to the requests that the models behind it answer in a minute, and perClient.rpm below it."
	every limits in [null, [], "x", 3] {
		rule.deny == {{
			"msg": "rateLimit is not set, so one client can take every replica",
			"path": ["spec", "rateLimit"],
			"remedy": remedy,
		}} with input as _judged(_route(limits))
	}
	rule.deny == {{
		"msg": "rateLimit.enabled is false, so one client can take every replica",
		"path": ["spec", "rateLimit", "enabled"],
		"remedy": remedy,
	}} with input as _judged(_route({"enabled": false, "global": {"rpm": 10}}))
	every limits in [{}, {"global": null}, {"global": {}, "perClient": {"burst": 3}}, {"global": {"rpm": "10"}}, {"global": {"rpm": 0}}] {
		rule.deny == {{
			"msg": "rateLimit has neither rpm nor tpm, so one client can take every replica",
			"path": ["spec", "rateLimit"],
			"remedy": remedy,
		}} with input as _judged(_route(limits))
	}
}

test_denies_wherever_it_is_not_said_that_none_is_needed if {
	every parameters in [{}, {"required": null}, {"required": "no"}, {"required": true}] {
		rows := rule.deny with input as _judged_with(parameters, {})
		count(rows) == 1
	}
	count(rule.deny | rule.warn) == 0 with input as _judged_with({"required": false}, {})
	rows := rule.deny with input as {"request": _judged({}).request}
	count(rows) == 1
}

test_denies_a_limit_for_one_above_the_limit_for_all if {
	expected := {{
		"msg": "perClient.rpm 2000 is never reached: global.rpm stops everybody at 1000",
		"path": ["spec", "rateLimit", "perClient", "rpm"],
		"remedy": "Set perClient.rpm below 1000.",
		"related": [{"msg": "the limit of all clients", "path": ["spec", "rateLimit", "global", "rpm"]}],
	}}
	limits := {"global": {"rpm": 1000, "tpm": 10}, "perClient": {"rpm": 2000, "tpm": 10}}
	rule.deny == expected with input as _judged(_route(limits))
	rule.deny == expected with input as _judged_with({"required": false}, _route(limits))
	rows := rule.deny with input as _judged(_route({"global": {"tpm": 1}, "perClient": {"tpm": 9007199254740992}}))
	{row.path | some row in rows} == {["spec", "rateLimit", "perClient", "tpm"]}
}

test_warns_of_clients_counted_by_address if {
	limits := {"perClient": {"rpm": 60, "tpm": 1000}}
	row := {
		"msg": concat("", [
			"perClient counts by address, because authentication is not set: ",
			"whoever shares an address shares 60 requests and 1000 tokens",
		]),
		"path": ["spec", "rateLimit", "perClient"],
		"remedy": "Set authentication.required to true with a method, so that a client is who it says it is.",
		"related": [{"msg": "how clients show who they are", "path": ["spec", "authentication"]}],
	}
	rule.warn == {row} with input as _judged({"rateLimit": limits})
	every authentication in [null, [], "x", 3] {
		rule.warn == {row} with input as _judged({"rateLimit": limits, "authentication": authentication})
	}
	open := {"required": false, "methods": ["jwt"]}
	rows := rule.warn with input as _judged({"rateLimit": limits, "authentication": open})
	{each.related[0].path | some each in rows} == {["spec", "authentication", "required"]}
	every methods in [null, [], "api_key", {}] {
		found := rule.warn with input as _judged({"rateLimit": limits, "authentication": {"methods": methods}})
		{each.related[0].path | some each in found} == {["spec", "authentication", "methods"]}
	}
	count(rule.deny | rule.warn) == 0 with input as _judged_with({"required": false}, {"rateLimit": object.union(limits, {"enabled": false})})
}

test_warns_of_a_burst_beyond_a_minute if {
	rule.warn == {{
		"msg": "global.burst 2000 is more than the 1000 requests of a whole minute, so it limits nothing",
		"path": ["spec", "rateLimit", "global", "burst"],
		"remedy": "Set burst to 1000 or less.",
		"related": [{"msg": "the requests of a minute", "path": ["spec", "rateLimit", "global", "rpm"]}],
	}} with input as _judged(_route({"global": {"rpm": 1000, "burst": 2000}}))
}

test_warns_of_a_burst_of_no_requests if {
	rule.warn == {{
		"msg": "perClient.burst counts requests, but perClient has no rpm",
		"path": ["spec", "rateLimit", "perClient", "burst"],
		"remedy": "Set perClient.rpm, or remove burst.",
	}} with input as _judged(_route({"perClient": {"tpm": 1000, "burst": 5}}))
	every burst in [null, "5", -1, 1.5, [], {}] {
		count(rule.deny | rule.warn) == 0 with input as _judged(_route({"perClient": {"tpm": 1000, "burst": burst}}))
		count(rule.deny | rule.warn) == 0 with input as _judged(_route({"perClient": {"rpm": 1, "burst": burst}}))
	}
}

test_is_silent_on_other_kinds_and_deletions if {
	judged := _judged({"rateLimit": {"perClient": {"rpm": 5, "burst": 9}}})
	count(rule.deny | rule.warn) == 0 with input as object.union(judged, {"request": {"kind": {"group": "ployd.ai", "kind": "CanaryDeployment"}}})
	count(rule.deny | rule.warn) == 0 with input as {"request": {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": null}}
}
