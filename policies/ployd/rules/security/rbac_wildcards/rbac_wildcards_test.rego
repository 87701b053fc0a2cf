package ployd.rules.security.rbac_wildcards_test

import data.ployd.rules.security.rbac_wildcards as rule

_object(kind, written) := {
	"request": {
		"kind": {"group": "rbac.authorization.k8s.io", "version": "v1", "kind": kind},
		"namespace": "models",
		"name": "deployer",
		"object": written,
	},
	"ployd": {"parameters": {"security.rbac_wildcards": {"exempt": []}}},
}

_role(rules) := _object("Role", {"rules": rules})

_cluster_role(rules) := _object("ClusterRole", {"rules": rules})

_binding(name, subjects) := _object("RoleBinding", {
	"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
	"subjects": subjects,
})

_named := {"apiGroups": ["ployd.ai"], "resources": ["modeldeployments"], "verbs": ["get", "create"]}

test_denies_every_verb if {
	rule.deny == {{
		"msg": "rules[1] gives every verb (\"*\") on pods, services",
		"path": ["rules", 1, "verbs", 0],
		"remedy": "Name the verbs in rules[1].verbs; for reading: [get, list, watch].",
	}} with input as _role([_named, {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["*"]}])
	rule.warn == set() with input as _role([_named])
}

test_denies_every_resource if {
	rule.deny == {{
		"msg": "rules[0] gives get, list on every resource (\"*\") of ployd.ai",
		"path": ["rules", 0, "resources", 0],
		"remedy": "Name the resources in rules[0].resources: [modeldeployments, gatewayroutes, canarydeployments].",
	}} with input as _cluster_role([{"apiGroups": ["ployd.ai"], "resources": ["*"], "verbs": ["get", "list"]}])
	rows := rule.deny with input as _role([{"apiGroups": ["", "apps"], "resources": ["pods", "*/scale"], "verbs": ["update"]}])
	rows == {{
		"msg": "rules[0] gives update on every resource (\"*/scale\") of the core group, apps",
		"path": ["rules", 0, "resources", 1],
		"remedy": "Name the resources in rules[0].resources one by one.",
	}}
}

test_denies_every_api_group if {
	rule.deny == {{
		"msg": "rules[0] gives get on pods in every API group (\"*\")",
		"path": ["rules", 0, "apiGroups", 0],
		"remedy": "Name the API group of each resource in rules[0].apiGroups; \"\" is the core group.",
	}} with input as _cluster_role([{"apiGroups": ["*"], "resources": ["pods"], "verbs": ["get"]}])
}

test_denies_each_dimension_on_its_own if {
	rows := rule.deny with input as _cluster_role([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])
	{[row.path[2], row.msg] | some row in rows} == {
		["apiGroups", "rules[0] gives every verb on every resource in every API group (\"*\")"],
		["resources", "rules[0] gives every verb on every resource (\"*\") of *"],
		["verbs", "rules[0] gives every verb (\"*\") on every resource"],
	}
}

test_denies_every_url if {
	rule.deny == {{
		"msg": "rules[0] gives get on every URL of the API server (\"*\")",
		"path": ["rules", 0, "nonResourceURLs", 0],
		"remedy": "Name the URLs in rules[0].nonResourceURLs, e.g. /metrics.",
	}} with input as _cluster_role([{"nonResourceURLs": ["*"], "verbs": ["get"]}])
	rows := rule.deny with input as _cluster_role([{"nonResourceURLs": ["/metrics", "/*"], "verbs": ["*"]}])
	{row.msg | some row in rows} == {
		"rules[0] gives every verb on every URL of the API server (\"/*\")",
		"rules[0] gives every verb (\"*\") on /metrics, /*",
	}
}

test_denies_verbs_that_give_what_others_have if {
	written := {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "verbs": ["get", "escalate", "bind"]}
	rule.deny == {
		{
			"msg": "rules[0] gives escalate on clusterroles: whoever has it can write a role with more than their own rights",
			"path": ["rules", 0, "verbs", 1],
			"remedy": "Remove escalate from rules[0].verbs.",
		},
		{
			"msg": "rules[0] gives bind on clusterroles: whoever has it can bind any role to themselves",
			"path": ["rules", 0, "verbs", 2],
			"remedy": "Remove bind from rules[0].verbs.",
		},
	} with input as _cluster_role([written])
	rows := rule.deny with input as _role([{"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"]}])
	{row.msg | some row in rows} == {"rules[0] gives impersonate on serviceaccounts: whoever has it can act as somebody else"}
}

test_denies_reading_the_secrets_of_the_cluster if {
	written := {"apiGroups": [""], "resources": ["configmaps", "secrets"], "verbs": ["create", "list", "watch"]}
	rule.deny == {{
		"msg": "rules[0] reads the secrets of every namespace (list, watch)",
		"path": ["rules", 0, "resources"],
		"remedy": concat(" ", [
			"Move rules[0] to a Role of the one namespace, or name the secrets in",
			"rules[0].resourceNames.",
		]),
	}} with input as _cluster_role([written])
	rows := rule.deny with input as _cluster_role([object.union(written, {"verbs": ["*"]})])
	{row.path | some row in rows} == {["rules", 0, "resources"], ["rules", 0, "verbs", 0]}
}

test_allows_secrets_of_one_namespace_by_name_or_written_only if {
	written := {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
	rule.deny == set() with input as _role([written])
	every change in [{"resourceNames": ["registry"]}, {"verbs": ["create", "delete"]}, {"apiGroups": ["example.com"]}] {
		rule.deny == set() with input as _cluster_role([object.union(written, change)])
	}
	rows := rule.deny with input as _cluster_role([object.union(written, {"resourceNames": []})])
	count(rows) == 1
}

test_allows_roles_that_name_everything if {
	urls := {"nonResourceURLs": ["/healthz/*", "/metrics"], "verbs": ["get"]}
	every kind in ["Role", "ClusterRole"] {
		rule.deny == set() with input as _object(kind, {"rules": [_named, urls]})
		rule.warn == set() with input as _object(kind, {"rules": [_named, urls]})
	}
}

test_denies_bindings_to_cluster_admin if {
	subjects := [{"kind": "ServiceAccount", "name": "ci", "namespace": "models"}, {"kind": "User", "name": "ada"}]
	rule.deny == {{
		"msg": "cluster-admin for ci, ada: everything in the namespace of models, its secrets and its roles included",
		"path": ["roleRef", "name"],
		"remedy": concat(" ", [
			"Bind a role that names the verbs and resources that are needed.",
			"A roleRef cannot be changed: make a new binding.",
		]),
	}} with input as _binding("cluster-admin", subjects)
	rows := rule.deny with input as object.union(_binding("cluster-admin", null), {"request": {"kind": {"kind": "ClusterRoleBinding"}}})
	{row.msg | some row in rows} == {"cluster-admin for nobody yet: everything in the cluster, secrets and policies included"}
	nowhere := rule.deny with input as object.union(_binding("cluster-admin", []), {"request": {"namespace": ""}})
	{row.msg | some row in nowhere} == {"cluster-admin for nobody yet: everything in the namespace, its secrets and its roles included"}
}

test_denies_bindings_to_everybody if {
	rule.deny == {{
		"msg": "ClusterRole viewer is given to system:authenticated: everybody with any account of any kind, each pod included",
		"path": ["subjects", 1, "name"],
		"remedy": "Name the group or ServiceAccount that needs ClusterRole viewer in subjects[1].",
	}} with input as _binding("viewer", [{"kind": "User", "name": "ada"}, {"kind": "Group", "name": "system:authenticated"}])
	every name in ["system:anonymous", "system:unauthenticated"] {
		rows := rule.deny with input as _binding("viewer", [{"kind": "User", "name": name}])
		{row.msg | some row in rows} == {sprintf("ClusterRole viewer is given to %s: everybody who reaches the API server, without a login", [name])}
	}
}

test_warns_of_bindings_to_every_pod if {
	rule.warn == {{
		"msg": "ClusterRole viewer is given to every pod of models (system:serviceaccounts:models)",
		"path": ["subjects", 0, "name"],
		"remedy": "Name the one ServiceAccount that needs ClusterRole viewer in subjects[0].",
	}} with input as _binding("viewer", [{"kind": "Group", "name": "system:serviceaccounts:models"}])
	rows := rule.warn with input as _binding("viewer", [{"kind": "Group", "name": "system:serviceaccounts"}])
	{row.msg | some row in rows} == {"ClusterRole viewer is given to every pod of the cluster (system:serviceaccounts)"}
}

test_warns_of_the_default_account if {
	rule.warn == {{
		"msg": "ClusterRole viewer is given to the ServiceAccount default: to every pod of models that names no other",
		"path": ["subjects", 0, "name"],
		"remedy": "Make a ServiceAccount for the one workload, name it in its serviceAccountName, and bind the role to that.",
	}} with input as _binding("viewer", [{"kind": "ServiceAccount", "name": "default", "namespace": "models"}])
	every subject in [{"kind": "ServiceAccount", "name": "default"}, {"kind": "ServiceAccount", "name": "default", "namespace": 3}] {
		rows := rule.warn with input as _binding("viewer", [subject])
		{row.msg | some row in rows} == {"ClusterRole viewer is given to the ServiceAccount default: to every pod that names no other"}
	}
	rule.deny == set() with input as _binding("viewer", [{"kind": "ServiceAccount", "name": "default"}])
}

test_denies_and_warns_without_a_readable_role if {
	every reference in [{}, {"name": 3, "kind": "Role"}, {"name": "x", "kind": null}] {
		written := {"roleRef": reference, "subjects": [{"kind": "User", "name": "system:anonymous"}]}
		rows := rule.deny with input as _object("RoleBinding", written)
		{row.msg | some row in rows} == {"the role is given to system:anonymous: everybody who reaches the API server, without a login"}
	}
}

test_allows_bindings_to_somebody if {
	subjects := [
		{"kind": "ServiceAccount", "name": "ci", "namespace": "models"},
		{"kind": "Group", "name": "on-call"},
		{"kind": "User", "name": "default"},
		{"kind": "Group"},
		{"name": 3},
		null,
		"x",
	]
	rule.deny == set() with input as _binding("viewer", subjects)
	rule.warn == set() with input as _binding("viewer", subjects)
}

test_allows_roles_that_own_the_cluster_by_name if {
	exempt := {"ployd": {"parameters": {"security.rbac_wildcards": {"exempt": ["deployer", "cluster-admin"]}}}}
	wild := _cluster_role([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])
	rule.deny == set() with input as object.union(wild, exempt)
	rule.deny == set() with input as object.union(_binding("cluster-admin", [{"kind": "User", "name": "ada"}]), exempt)
}

test_denies_under_exemptions_that_are_no_list if {
	every value in ["deployer", 3, {}, true] {
		parameters := {"ployd": {"parameters": {"security.rbac_wildcards": {"exempt": value}}}}
		rows := rule.deny with input as object.union(_role([_named]), parameters)
		{row.path | some row in rows} == {[]}
	}
}

test_is_silent_on_parts_of_other_types if {
	every written in [
		{},
		{"rules": null},
		{"rules": "x"},
		{"rules": [null, "x", 3, []]},
		{"rules": [{"verbs": "*", "resources": {"a": "*"}, "apiGroups": 3, "nonResourceURLs": null}]},
		{"rules": [{"verbs": [1, null, {}], "resources": [[]]}]},
		{"roleRef": null, "subjects": "x"},
		{"roleRef": "cluster-admin"},
	] {
		every kind in ["Role", "ClusterRole", "RoleBinding"] {
			rule.deny == set() with input as _object(kind, written)
			rule.warn == set() with input as _object(kind, written)
		}
	}
}

test_is_silent_on_other_kinds_and_deletions if {
	wild := _cluster_role([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])
	every change in [{"object": null}, {"kind": {"group": "example.com"}}, {"kind": {"kind": "ServiceAccount"}}] {
		rule.deny == set() with input as object.union(wild, {"request": change})
	}
	gone := object.union(_binding("cluster-admin", []), {"request": {"object": null}})
	rule.deny == set() with input as gone
}
