package ployd.rules.route.authentication_test

import data.ployd.rules.route.authentication as rule

_judged_with(parameters, authentication) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "GatewayRoute"},
		"object": {"spec": {"authentication": authentication}},
	},
	"ployd": {"parameters": {"route.authentication": parameters}},
}

_judged(authentication) := _judged_with({"required": true, "platformIssuer": false}, authentication)

_jwt := {"issuer": "https://login.example.com/", "audiences": ["gateway"], "jwksUri": "https://login.example.com/jwks.json"}

test_allows_clients_that_show_who_they_are if {
	every authentication in [
		{"required": true, "methods": ["jwt"], "jwt": _jwt},
		{"methods": ["api_key", "jwt"], "jwt": _jwt},
		{"required": true, "methods": ["api_key"]},
		{"required": null, "methods": ["mtls", "oauth2"]},
	] {
		count(rule.deny | rule.warn) == 0 with input as _judged(authentication)
	}
}

test_denies_a_route_that_is_open if {
	every authentication in [null, [], "x", 3] {
		rule.deny == {{
			"msg": "authentication is not set, so anybody who reaches the gateway uses the model",
			"path": ["spec", "authentication"],
			"remedy": "Add authentication: {required: true, methods: [api_key]}.",
		}} with input as _judged(authentication)
	}
	rule.deny == {{
		"msg": "authentication.required is false, so anybody who reaches the gateway uses the model",
		"path": ["spec", "authentication", "required"],
		"remedy": "Set required to true.",
	}} with input as _judged({"required": false, "methods": ["api_key"]})
	rule.deny == {{
		"msg": "authentication.required is false, so anybody who reaches the gateway uses the model",
		"path": ["spec", "authentication", "required"],
		"remedy": "Set required to true and add a method, e.g. api_key.",
	}} with input as _judged({"required": false})
	every methods in [null, [], {}, "api_key", 3] {
		rule.deny == {{
			"msg": "authentication has no methods, so anybody who reaches the gateway uses the model",
			"path": ["spec", "authentication", "methods"],
			"remedy": "Add a method: api_key, jwt, oauth2 or mtls.",
		}} with input as _judged({"required": true, "methods": methods})
	}
}

test_denies_wherever_it_is_not_said_that_none_is_needed if {
	every parameters in [{}, {"required": null}, {"required": "no"}] {
		rows := rule.deny with input as _judged_with(parameters, null)
		count(rows) == 1
	}
	count(rule.deny | rule.warn) == 0 with input as _judged_with({"required": false}, null)
	count(rule.deny | rule.warn) == 0 with input as _judged_with({"required": false}, {"required": false, "methods": ["api_key"]})
}

test_denies_tokens_without_an_issuer if {
	row := {
		"msg": "methods has jwt, but there is no section jwt: no issuer is known, so no token is valid",
		"path": ["spec", "authentication", "jwt"],
		"remedy": "Add jwt with issuer, audiences and jwksUri, or remove jwt from methods.",
		"related": [{"msg": "listed here", "path": ["spec", "authentication", "methods", 1]}],
	}
	rule.deny == {row} with input as _judged({"methods": ["api_key", "jwt"]})
	every jwt in [null, [], "x", 3] {
		rule.deny == {row} with input as _judged({"methods": ["api_key", "jwt"], "jwt": jwt})
		count(rule.deny | rule.warn) == 0 with input as _judged_with({"platformIssuer": true}, {"methods": ["api_key", "jwt"], "jwt": jwt})
	}
	every known in [null, "yes", false, 1] {
		rule.deny == {row} with input as _judged_with({"platformIssuer": known}, {"methods": ["api_key", "jwt"]})
	}
}

test_warns_of_tokens_for_anybody if {
	rule.warn == {{
		"msg": "jwt has no audiences, so every token of https://login.example.com/ is let in, whatever application it was made for",
		"path": ["spec", "authentication", "jwt", "audiences"],
		"remedy": "Set audiences to the name under which the issuer knows this gateway.",
	}} with input as _judged({"methods": ["jwt"], "jwt": object.remove(_jwt, ["audiences"])})
	every audiences in [null, [], {}, "gateway", 3] {
		rows := rule.warn with input as _judged({"methods": ["jwt"], "jwt": {"audiences": audiences}})
		{row.path | some row in rows} == {["spec", "authentication", "jwt", "audiences"]}
	}
	count(rule.deny | rule.warn) == 0 with input as _judged({"methods": ["api_key"], "jwt": {}})
}

test_denies_an_object_without_a_specification if {
	every spec in [null, [], "x", {}] {
		rows := rule.deny with input as {"request": {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": {"spec": spec}}}
		{row.path | some row in rows} == {["spec", "authentication"]}
	}
}

test_is_silent_on_other_kinds_and_deletions if {
	count(rule.deny | rule.warn) == 0 with input as object.union(_judged(null), {"request": {"kind": {"group": "ployd.ai", "kind": "CanaryDeployment"}}})
	count(rule.deny | rule.warn) == 0 with input as {"request": {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": null}}
}
