package ployd.rules.route.overlap_test

import data.ployd.rules.route.overlap as rule

_entry(id, cluster, spec) := {"id": id, "apiVersion": "ployd.ai/v1", "cluster": cluster, "labels": {}, "spec": spec, "gpus": 0, "gpusBefore": 0}

_chat := {"path": "/v2/chat", "pathType": "Prefix", "hostnames": ["api.example.com"], "methods": ["POST", "OPTIONS"]}

# A route judged as the object with id 7 beside others of the same environment.
_judged_in(environment, cluster, spec, routes) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "GatewayRoute"},
		"namespace": "team-b",
		"name": "chat",
		"object": {"spec": spec},
	},
	"ployd": {
		"self": {"environment": environment, "cluster": cluster, "id": 7},
		"inventory": {"objects": {environment: {"GatewayRoute": object.union(routes, {"team-b": {"chat": [_entry(7, cluster, spec)]}})}}},
	},
}

_judged(spec, other) := _judged_in("production", "", spec, {"team-a": {"chat-api": [_entry(3, "", other)]}})

_row := {
	"msg": "POST /v2/chat on api.example.com belongs to GatewayRoute team-a/chat-api already",
	"path": ["spec", "path"],
	"remedy": "Give one of the two another path, host or method: as they are, the older one gets every request.",
	"related": [{"msg": "the route that was first", "path": ["spec", "path"], "object": 3}],
}

test_denies_the_later_of_two_routes_for_the_same_requests if {
	spec := object.union(_chat, {"methods": ["POST"]})
	rule.deny == {_row} with input as _judged(spec, _chat)
	rule.warn == set() with input as _judged(spec, _chat)
}

test_denies_once_where_there_are_several if {
	routes := {"team-a": {"first": [_entry(2, "", _chat)], "second": [_entry(4, "", _chat)]}}
	rows := rule.deny with input as _judged_in("production", "", _chat, routes)
	{row.related[0].object | some row in rows} == {2}
	{row.msg | some row in rows} == {concat("", [
		"OPTIONS, POST /v2/chat on api.example.com ",
		"belongs to GatewayRoute team-a/first already",
	])}
}

test_denies_routes_without_hosts_or_methods if {
	every fields in [{}, {"hostnames": null, "methods": []}, {"pathType": "Prefix"}, {"pathType": null}] {
		rows := rule.deny with input as _judged(object.union(fields, {"path": "/v2/chat"}), {"path": "/v2/chat/"})
		{row.msg | some row in rows} == {"every method of /v2/chat belongs to GatewayRoute team-a/chat-api already"}
	}
	rows := rule.deny with input as _judged({"path": "/", "pathType": "Exact"}, {"path": "/", "pathType": "Exact"})
	count(rows) == 1
}

test_warns_where_one_of_two_names_the_host if {
	rule.warn == {{
		"msg": "POST /v2/chat on api.example.com is shared with GatewayRoute team-a/chat-api: that one names the host and gets it",
		"path": ["spec", "path"],
		"remedy": "Name in both routes the hosts and methods they are for, or make them one route.",
		"related": [{"msg": "the other route", "path": ["spec", "path"], "object": 3}],
	}} with input as _judged({"path": "/v2/chat", "methods": ["POST"]}, _chat)
	rule.deny == set() with input as _judged({"path": "/v2/chat", "methods": ["POST"]}, _chat)
	rows := rule.warn with input as _judged(_chat, {"path": "/v2/chat"})
	{row.msg | some row in rows} == {concat("", [
		"OPTIONS, POST /v2/chat on api.example.com is shared with GatewayRoute team-a/chat-api: ",
		"this one names the host and takes it away",
	])}
}

test_warns_where_one_of_two_names_the_method if {
	rows := rule.warn with input as _judged({"path": "/v2/chat"}, {"path": "/v2/chat", "methods": ["POST"]})
	{row.msg | some row in rows} == {concat("", [
		"POST /v2/chat is shared with GatewayRoute team-a/chat-api: ",
		"that one names the method and gets it",
	])}
	turned := rule.warn with input as _judged({"path": "/v2/chat", "methods": ["POST"]}, {"path": "/v2/chat"})
	{row.msg | some row in turned} == {concat("", [
		"POST /v2/chat is shared with GatewayRoute team-a/chat-api: ",
		"this one names the method and takes it away",
	])}
}

test_warns_where_no_environment_is_known if {
	judged := _judged_in("", "", object.union(_chat, {"methods": ["POST"]}), {"team-a": {"chat-api": [_entry(3, "", _chat)]}})
	rule.warn == {_row} with input as judged
	rule.deny == set() with input as judged
}

test_allows_routes_that_differ if {
	every fields in [
		{"path": "/v2/chats"},
		{"path": "/v2/chat/new"},
		{"pathType": "Exact"},
		{"hostnames": ["other.example.com"]},
		{"hostnames": ["*.example.com"]},
		{"methods": ["GET"]},
	] {
		count(rule.deny | rule.warn) == 0 with input as _judged(object.union(_chat, fields), _chat)
	}
}

test_allows_the_first_and_leaves_the_same_name_to_its_own_rule if {
	count(rule.deny | rule.warn) == 0 with input as _judged_in("production", "", _chat, {"team-a": {"chat-api": [_entry(9, "", _chat)]}})
	count(rule.deny | rule.warn) == 0 with input as _judged_in("production", "", _chat, {"team-b": {"chat": [_entry(3, "", _chat)]}})
}

test_allows_one_route_for_each_cluster if {
	count(rule.deny | rule.warn) == 0 with input as _judged_in("production", "azure", _chat, {"team-a": {"chat-api": [_entry(3, "aws", _chat)]}})
	every pair in [["azure", "azure"], ["azure", ""], ["", "aws"]] {
		rows := rule.deny with input as _judged_in("production", pair[0], _chat, {"team-a": {"chat-api": [_entry(3, pair[1], _chat)]}})
		count(rows) == 1
	}
}

test_names_routes_without_a_namespace if {
	rows := rule.deny with input as _judged_in("production", "", {"path": "/"}, {"": {"chat-api": [_entry(3, "", {"path": "/"})]}})
	{row.msg | some row in rows} == {"every method of / belongs to GatewayRoute chat-api already"}
}

test_leaves_values_of_another_type_to_the_schema if {
	every broken in [null, [], "x", {}, {"path": null}, {"path": 3}, {"path": "/v2/chat", "pathType": "Regex"}] {
		count(rule.deny | rule.warn) == 0 with input as _judged(_chat, broken)
		count(rule.deny | rule.warn) == 0 with input as _judged(broken, _chat)
		count(rule.deny | rule.warn) == 0 with input as _judged(broken, broken)
	}
	odd := {"path": "/v2/chat", "hostnames": [3], "methods": [null]}
	rows := rule.deny with input as _judged(odd, odd)
	count(rows) == 1
}

test_is_silent_without_an_inventory_and_on_other_kinds if {
	judged := _judged(_chat, _chat)
	count(rule.deny | rule.warn) == 0 with input as {"request": judged.request}
	count(rule.deny | rule.warn) == 0 with input as {"request": judged.request, "ployd": {"self": judged.ployd.self}}
	count(rule.deny | rule.warn) == 0 with input as object.union(judged, {"request": {"kind": {"group": "ployd.ai", "kind": "CanaryDeployment"}}})
	count(rule.deny | rule.warn) == 0 with input as object.union(judged, {"request": {"object": null}})
}
