# METADATA
# title: Roles name what they give, and to whom
# description: >-
#   A role with "*" gives what it says today and every kind and verb that is installed tomorrow, secrets and admission
#   policies among them. The verbs escalate, bind and impersonate give whatever somebody else has. Reading secrets in all
#   namespaces gives every key and every token of a ServiceAccount, list and watch as much as get. A binding to a group that
#   everybody is in gives it to the whole network.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#   description: What to avoid, wildcards, escalate, bind, impersonate and secrets among it, and why
# - ref: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
#   description: What escalate and bind switch off
# custom:
#   severity: error
#   scope: object
#   level: full
#   kinds: [Role, ClusterRole, RoleBinding, ClusterRoleBinding]
#   remedy: Name verbs, resources and API groups one by one, and bind the role to one ServiceAccount or group of people.
#   prevents: 'Nothing is refused: a stolen token of this role is the cluster, or all of its secrets'
package ployd.rules.security.rbac_wildcards

import data.ployd.lib.parameters
import data.ployd.lib.values

# A whole dimension of a rule.
deny contains row if {
	some rule in _rules
	some field in ["verbs", "resources", "apiGroups"]
	some position, item in rule[field]
	_is_wild(item)
	row := {
		"msg": sprintf("rules[%d] gives %s", [rule.position, _given(rule, field)]),
		"path": ["rules", rule.position, field, position],
		"remedy": _named(rule, field),
	}
}

deny contains row if {
	some rule in _rules
	some position, url in rule.nonResourceURLs
	url in {"*", "/*"}
	row := {
		"msg": sprintf("rules[%d] gives %s on every URL of the API server (%q)", [rule.position, _verbs(rule), url]),
		"path": ["rules", rule.position, "nonResourceURLs", position],
		"remedy": sprintf("Name the URLs in rules[%d].nonResourceURLs, e.g. /metrics.", [rule.position]),
	}
}

# Verbs that give what somebody else has.
deny contains row if {
	some rule in _rules
	some position, verb in rule.verbs
	consequence := _takeovers[verb]
	row := {
		"msg": sprintf("rules[%d] gives %s on %s: whoever has it %s", [rule.position, verb, _list(rule.resources), consequence]),
		"path": ["rules", rule.position, "verbs", position],
		"remedy": sprintf("Remove %s from rules[%d].verbs.", [verb, rule.position]),
	}
}

deny contains row if {
	input.request.kind.kind == "ClusterRole"
	some rule in _rules
	"secrets" in rule.resources
	count({group | some group in rule.apiGroups; group in {"", "*"}}) > 0
	readers := [verb | some verb in rule.verbs; verb in {"get", "list", "watch", "*"}]
	count(readers) > 0
	not rule.named
	row := {
		"msg": sprintf("rules[%d] reads the secrets of every namespace (%s)", [rule.position, _list(readers)]),
		"path": ["rules", rule.position, "resources"],
		"remedy": sprintf(
			"Move rules[%d] to a Role of the one namespace, or name the secrets in rules[%d].resourceNames.",
			[rule.position, rule.position],
		),
	}
}

deny contains row if {
	_reference.name == "cluster-admin"
	row := {
		"msg": sprintf("cluster-admin for %s: everything %s", [_owners, _reach]),
		"path": ["roleRef", "name"],
		"remedy": "Bind a role that names the verbs and resources that are needed. A roleRef cannot be changed: make a new binding.",
	}
}

deny contains row if {
	some subject in _subjects
	everybody := _crowds[subject.name]
	row := {
		"msg": sprintf("%s is given to %s: %s", [_role, subject.name, everybody]),
		"path": ["subjects", subject.position, "name"],
		"remedy": sprintf("Name the group or ServiceAccount that needs %s in subjects[%d].", [_role, subject.position]),
	}
}

deny contains row if {
	_group
	value := object.get(_parameters, "exempt", [])
	not is_array(value)
	row := parameters.unusable("security.rbac_wildcards", "exempt", value, "a list of names of roles")
}

warn contains row if {
	some subject in _subjects
	subject.kind == "Group"
	_is_every_account(subject.name)
	row := {
		"msg": sprintf("%s is given to every pod of %s (%s)", [_role, _namespace_of(subject.name), subject.name]),
		"path": ["subjects", subject.position, "name"],
		"remedy": sprintf("Name the one ServiceAccount that needs %s in subjects[%d].", [_role, subject.position]),
	}
}

warn contains row if {
	some subject in _subjects
	subject.kind == "ServiceAccount"
	subject.name == "default"
	row := {
		"msg": sprintf("%s is given to the ServiceAccount default: to every pod%s that names no other", [_role, _of(subject.namespace)]),
		"path": ["subjects", subject.position, "name"],
		"remedy": "Make a ServiceAccount for the one workload, name it in its serviceAccountName, and bind the role to that.",
	}
}

_group if {
	input.request.kind.group == "rbac.authorization.k8s.io"
	is_object(input.request.object)
}

_parameters := parameters.of(input, "security.rbac_wildcards")

_is_exempt(name) if name in values.list(_parameters.exempt)

# The rules of a role with their places; every list is one, and holds texts only.
_rules contains rule if {
	_group
	input.request.kind.kind in {"Role", "ClusterRole"}
	name := input.request.name
	not _is_exempt(name)
	some position, written in values.list(object.get(input.request.object, "rules", []))
	is_object(written)
	rule := {
		"position": position,
		"verbs": _texts(written, "verbs"),
		"resources": _texts(written, "resources"),
		"apiGroups": _texts(written, "apiGroups"),
		"nonResourceURLs": _texts(written, "nonResourceURLs"),
		"named": count(_texts(written, "resourceNames")) > 0,
	}
}

_texts(written, field) := [item |
	some item in values.list(object.get(written, field, []))
	is_string(item)
]

# "*/scale" is the scale of every resource.
_is_wild("*") := true

_is_wild(item) if startswith(item, "*/")

_list(items) := concat(", ", items)

_given(rule, "verbs") := sprintf("every verb (\"*\") on %s", [_objects(rule)])

_given(rule, "resources") := sprintf("%s on every resource (%s) of %s", [_verbs(rule), _wild(rule.resources), _groups(rule)])

_given(rule, "apiGroups") := sprintf("%s on %s in every API group (\"*\")", [_verbs(rule), _objects(rule)])

_wild(items) := concat(", ", [sprintf("%q", [item]) | some item in items; _is_wild(item)])

_verbs(rule) := "every verb" if {
	"*" in rule.verbs
} else := _list(rule.verbs)

_objects(rule) := "every resource" if {
	"*" in rule.resources
} else := _list(rule.resources) if {
	count(rule.resources) > 0
} else := _list(rule.nonResourceURLs)

_groups(rule) := concat(", ", [_shown_group(group) | some group in rule.apiGroups])

_shown_group("") := "the core group"

_shown_group(group) := group if group != ""

_named(rule, "verbs") := sprintf("Name the verbs in rules[%d].verbs; for reading: [get, list, watch].", [rule.position])

_named(rule, "resources") := sprintf("Name the resources in rules[%d].resources: [modeldeployments, gatewayroutes, canarydeployments].", [rule.position]) if {
	rule.apiGroups == ["ployd.ai"]
	"*" in rule.resources
} else := sprintf("Name the resources in rules[%d].resources one by one.", [rule.position])

_named(rule, "apiGroups") := sprintf("Name the API group of each resource in rules[%d].apiGroups; \"\" is the core group.", [rule.position])

_takeovers := {
	"escalate": "can write a role with more than their own rights",
	"bind": "can bind any role to themselves",
	"impersonate": "can act as somebody else",
}

# Groups and users that everybody is.
_crowds := {
	"system:anonymous": "everybody who reaches the API server, without a login",
	"system:unauthenticated": "everybody who reaches the API server, without a login",
	"system:authenticated": "everybody with any account of any kind, each pod included",
}

_is_every_account("system:serviceaccounts") := true

_is_every_account(name) if startswith(name, "system:serviceaccounts:")

_namespace_of("system:serviceaccounts") := "the cluster"

_namespace_of(name) := trim_prefix(name, "system:serviceaccounts:") if startswith(name, "system:serviceaccounts:")

_reference := reference if {
	_group
	input.request.kind.kind in {"RoleBinding", "ClusterRoleBinding"}
	reference := input.request.object.roleRef
	is_object(reference)
	name := object.get(reference, "name", "")
	not _is_exempt(name)
}

_role := sprintf("%s %s", [_reference.kind, _reference.name]) if {
	is_string(_reference.kind)
	is_string(_reference.name)
} else := "the role"

_subjects := [subject |
	_reference
	some position, written in values.list(object.get(input.request.object, "subjects", []))
	is_object(written)
	subject := {
		"position": position,
		"kind": object.get(written, "kind", ""),
		"name": object.get(written, "name", ""),
		"namespace": object.get(written, "namespace", ""),
	}
	is_string(subject.name)
]

_owners := concat(", ", [subject.name | some subject in _subjects]) if {
	count(_subjects) > 0
} else := "nobody yet"

_reach := "in the cluster, secrets and policies included" if {
	input.request.kind.kind == "ClusterRoleBinding"
} else := sprintf("in the namespace%s, its secrets and its roles included", [_of(input.request.namespace)])

_of(namespace) := "" if {
	namespace == ""
} else := sprintf(" of %s", [namespace]) if {
	is_string(namespace)
} else := ""
