package ployd.rules.security.network_policy_test

import data.ployd.rules.security.network_policy as rule

_deny_all := {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}

_strict := {"egress": true, "exemptNamespaces": ["kube-system"]}

_entry(id, spec) := {"id": id, "apiVersion": "networking.k8s.io/v1", "cluster": "", "spec": spec}

_models := {"models": {
	"chat": [{"id": 1, "apiVersion": "ployd.ai/v1", "cluster": "", "spec": {}}],
	"code": [{"id": 2, "apiVersion": "ployd.ai/v1", "cluster": "aws", "spec": {}}],
}}

_inventory(policies) := {"production": {"ModelDeployment": _models, "NetworkPolicy": {"models": policies}}}

_judged(request, objects, parameters) := {
	"request": request,
	"ployd": {
		"parameters": {"security.network_policy": parameters},
		"self": {"environment": "production", "cluster": "", "id": 0},
		"inventory": {"objects": objects},
	},
}

_namespace_named(name) := {
	"kind": {"group": "", "version": "v1", "kind": "Namespace"},
	"namespace": "",
	"name": name,
	"object": {"metadata": {"name": name}},
}

_namespace(policies) := _judged(_namespace_named("models"), _inventory(policies), _strict)

_policy(spec) := _judged(
	{
		"kind": {"group": "networking.k8s.io", "version": "v1", "kind": "NetworkPolicy"},
		"namespace": "models",
		"name": "open",
		"object": {"metadata": {"name": "open"}, "spec": spec},
	},
	_inventory({}),
	_strict,
)

test_denies_a_namespace_without_a_policy if {
	rule.deny == {{
		"msg": "namespace models holds 2 ModelDeployments, but no NetworkPolicy denies ingress and egress to its pods",
		"path": ["metadata", "name"],
		"remedy": concat(" ", [
			"Add a NetworkPolicy to models with podSelector: {}, policyTypes: [Ingress, Egress] and no rules,",
			"then allow what is needed.",
		]),
		"related": [],
	}} with input as _namespace({})
	rule.warn == set() with input as _namespace({})
}

test_denies_what_a_policy_leaves_open_and_names_that_policy if {
	rows := rule.deny with input as _namespace({"deny-ingress": [_entry(7, {"podSelector": {}})]})
	{[row.msg, row.related] | some row in rows} == {[
		"namespace models holds 2 ModelDeployments, but no NetworkPolicy denies egress to its pods",
		[{"msg": "deny-ingress does not deny egress", "path": ["spec"], "object": 7}],
	]}
}

test_denies_policies_that_do_not_isolate_every_pod if {
	every spec in [
		{"podSelector": {"matchLabels": {"a": "b"}}, "policyTypes": ["Ingress", "Egress"]},
		{"podSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}, "policyTypes": ["Ingress", "Egress"]},
		{"podSelector": "x", "policyTypes": ["Ingress", "Egress"]},
		{"podSelector": {}, "policyTypes": ["Egress"]},
		{"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{}]},
		{"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{"ports": [{"port": 8000}]}]},
		{"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]},
		{"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{"from": [{"ipBlock": {"cidr": "::/0", "except": []}}]}]},
		null,
		"x",
	] {
		rows := rule.deny with input as _namespace({"some": [_entry(7, spec)]})
		count(rows) == 1
	}
}

test_denies_a_policy_of_another_namespace_environment_cluster_or_group if {
	elsewhere := {"production": {"ModelDeployment": _models, "NetworkPolicy": {"other": {"deny": [_entry(7, _deny_all)]}}}}
	staging := object.union(_inventory({}), {"staging": {"NetworkPolicy": {"models": {"deny": [_entry(7, _deny_all)]}}}})
	calico := _inventory({"deny": [object.union(_entry(7, _deny_all), {"apiVersion": "crd.projectcalico.org/v1"})]})
	every objects in [elsewhere, staging, calico] {
		rows := rule.deny with input as _judged(_namespace_named("models"), objects, _strict)
		count(rows) == 1
	}
	there := _namespace({"deny": [object.union(_entry(7, _deny_all), {"cluster": "aws"})]})
	rows := rule.deny with input as object.union(there, {"ployd": {"self": {"cluster": "gcp"}}})
	count(rows) == 1
}

test_allows_a_default_deny_in_every_way_to_write_it if {
	every policies in [
		{"deny": [_entry(7, _deny_all)]},
		{"deny": [_entry(7, object.union(_deny_all, {"podSelector": {"matchLabels": {}, "matchExpressions": null}}))]},
		{"deny": [_entry(7, {"policyTypes": ["Egress", "Ingress"], "ingress": [], "egress": null})]},
		{"in": [_entry(7, {"podSelector": {}})], "out": [_entry(8, {"podSelector": null, "policyTypes": ["Egress"]})]},
		{"deny": [object.union(_entry(7, _deny_all), {"cluster": "aws"})]},
	] {
		rule.deny == set() with input as _namespace(policies)
	}
}

test_allows_rules_that_say_who_is_meant if {
	every policies in [
		{"same": [_entry(7, object.union(_deny_all, {"ingress": [{"from": [{"podSelector": {}}]}]}))]},
		{"dns": [_entry(7, {
			"podSelector": {},
			"ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]}],
			"egress": [{"to": [{"namespaceSelector": {}}], "ports": [{"port": 53}]}],
		})]},
	] {
		rule.deny == set() with input as _namespace(policies)
	}
}

test_allows_policies_without_a_namespace_or_an_environment if {
	inside := {"production": {"ModelDeployment": _models, "NetworkPolicy": {"": {"deny": [_entry(7, _deny_all)]}}}}
	shared := object.union(_inventory({}), {"": {"NetworkPolicy": {"models": {"deny": [_entry(7, _deny_all)]}}}})
	every objects in [inside, shared] {
		rule.deny == set() with input as _judged(_namespace_named("models"), objects, _strict)
	}
}

test_allows_open_egress_where_the_environment_does if {
	parameters := {"egress": false}
	ingress := _inventory({"deny": [_entry(7, {"podSelector": {}})]})
	rule.deny == set() with input as _judged(_namespace_named("models"), ingress, parameters)
	rows := rule.deny with input as _judged(_namespace_named("models"), _inventory({}), parameters)
	{row.msg | some row in rows} == {"namespace models holds 2 ModelDeployments, but no NetworkPolicy denies ingress to its pods"}
	open := _policy({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}).request
	rule.deny == set() with input as _judged(open, _inventory({}), parameters)
}

test_counts_every_kind_with_pods if {
	objects := {"production": {
		"CronJob": {"batch": {"a": [{"id": 1, "cluster": ""}]}},
		"RayService": {"batch": {"a": [{"id": 2, "cluster": "aws"}], "b": [{"id": 3, "cluster": ""}]}},
		"GatewayRoute": {"batch": {"a": [{"id": 4, "cluster": ""}]}},
	}}
	rows := rule.deny with input as _judged(_namespace_named("batch"), objects, _strict)
	{row.msg | some row in rows} == {concat("", [
		"namespace batch holds 1 CronJob and 2 RayServices, but no NetworkPolicy denies ingress and egress ",
		"to its pods",
	])}
	there := object.union(_judged(_namespace_named("batch"), objects, {"egress": false}), {"ployd": {"self": {"cluster": "gcp"}}})
	rows_there := rule.deny with input as there
	{row.msg | some row in rows_there} == {concat("", [
		"namespace batch holds 1 CronJob and 1 RayService, but no NetworkPolicy denies ingress ",
		"to its pods",
	])}
}

test_denies_a_policy_that_allows_everything if {
	spec := {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{"from": [{"podSelector": {}}]}, {}]}
	rule.deny == {{
		"msg": "this policy allows all ingress of every pod of models, whatever others deny",
		"path": ["spec", "ingress", 1],
		"remedy": "Name in ingress[1] who is meant (from) and which ports, or remove the rule.",
	}} with input as _policy(spec)
	rule.warn == set() with input as _policy(spec)
}

test_denies_a_policy_that_allows_everything_in_other_words if {
	every spec in [
		{"ingress": [{"from": null, "ports": []}]},
		{"ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]},
		{"egress": [{"to": [{"ipBlock": {"cidr": "::/0"}}]}], "policyTypes": ["Egress"]},
		{"egress": [{}], "policyTypes": []},
	] {
		rows := rule.deny with input as _policy(spec)
		count(rows) == 1
	}
}

test_warns_of_a_policy_that_opens_some_pods_wholly if {
	spec := {"podSelector": {"matchLabels": {"app": "gateway"}}, "policyTypes": ["Egress"], "egress": [{}]}
	rule.warn == {{
		"msg": "this policy allows all egress of the pods it selects, on every port",
		"path": ["spec", "egress", 0],
		"remedy": "Name in egress[0] who is meant (to) and which ports, or remove the rule.",
	}} with input as _policy(spec)
	rule.deny == set() with input as _policy(spec)
}

test_allows_rules_with_ports_or_peers_and_types_that_do_not_count if {
	every spec in [
		{"ingress": [{"ports": [{"port": 8443}]}]},
		{"ingress": [{"from": [{"namespaceSelector": {}}]}]},
		{"ingress": [{}], "policyTypes": ["Egress"]},
		{"ingress": "x"},
		{"ingress": [null, "x", 3]},
		{},
		null,
		[],
		"x",
	] {
		rule.deny == set() with input as _policy(spec)
		rule.warn == set() with input as _policy(spec)
	}
}

test_denies_under_exemptions_that_are_no_list if {
	every value in ["kube-system", 3, {}, true, null] {
		rows := rule.deny with input as _judged(_namespace_named("empty"), _inventory({}), {"exemptNamespaces": value})
		{row.path | some row in rows} == {[]}
	}
}

test_is_silent_on_exempt_and_empty_namespaces if {
	system := {"production": {"DaemonSet": {"kube-system": {"dns": [{"id": 1, "cluster": ""}]}}}}
	rule.deny == set() with input as _judged(_namespace_named("kube-system"), system, _strict)
	rule.deny == set() with input as _judged(_namespace_named("empty"), _inventory({}), _strict)
	rule.deny == set() with input as _judged(_namespace_named(""), _inventory({}), _strict)
	elsewhere := object.union(_policy({"ingress": [{}]}), {"request": {"namespace": "empty"}})
	rule.deny == set() with input as elsewhere
}

test_is_silent_on_other_kinds_deletions_and_without_an_inventory if {
	every change in [{"object": null}, {"kind": {"kind": "Service"}}, {"kind": {"group": "example.com"}}] {
		rule.deny == set() with input as object.union(_namespace({}), {"request": change})
		rule.deny == set() with input as object.union(_policy({"ingress": [{}]}), {"request": change})
	}
	alone := _namespace({})
	rule.deny == set() with input as {"request": alone.request, "ployd": {"parameters": alone.ployd.parameters}}
}
