package ployd.rules.security.pod_security_test

import data.ployd.rules.security.pod_security as rule

_context := {
	"allowPrivilegeEscalation": false,
	"capabilities": {"drop": ["ALL"]},
	"readOnlyRootFilesystem": true,
}

_safe := {
	"securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
	"containers": [{"name": "server", "securityContext": _context}],
}

_judged(specification) := {"request": {
	"kind": {"group": "", "version": "v1", "kind": "Pod"},
	"namespace": "models",
	"object": {"spec": specification},
}}

_container(context) := _judged(object.union(_safe, {"containers": [{"name": "server", "securityContext": context}]}))

_in_container(field) := ["spec", "containers", 0, "securityContext", field]

test_allows_a_restricted_pod if {
	rule.deny == set() with input as _judged(_safe)
	rule.warn == set() with input as _judged(_safe)
}

test_allows_what_the_container_says_for_itself if {
	own := object.union(_context, {
		"runAsNonRoot": true,
		"runAsUser": 2000,
		"seccompProfile": {"type": "Localhost"},
		"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
	})
	bare := {"containers": [{"name": "server", "securityContext": own}]}
	rule.deny == set() with input as _judged(bare)
}

test_denies_root_by_the_words_of_no_one if {
	every pod in [{}, {"runAsNonRoot": null}, {"runAsNonRoot": false}, {"runAsNonRoot": "true"}] {
		context := object.union({"seccompProfile": {"type": "RuntimeDefault"}}, pod)
		rule.deny == {{
			"msg": "container server may run as root: runAsNonRoot is not true for it",
			"path": _in_container("runAsNonRoot"),
			"remedy": "Set securityContext.runAsNonRoot: true for the pod, and nothing else in the container.",
		}} with input as _judged({"securityContext": context, "containers": _safe.containers})
	}
}

test_denies_a_container_that_undoes_its_pod if {
	rows := rule.deny with input as _container(object.union(_context, {"runAsNonRoot": false}))
	{row.path | some row in rows} == {_in_container("runAsNonRoot")}
}

test_denies_user_zero_of_container_and_pod if {
	rows := rule.deny with input as _container(object.union(_context, {"runAsUser": 0}))
	{row.msg | some row in rows} == {"container server runs as user 0, which is root"}
	pod := object.union(_safe, {"securityContext": {"runAsUser": 0}})
	inherited := rule.deny with input as _judged(pod)
	{row.msg | some row in inherited} == {"container server runs as user 0, which is root"}
	override := object.union(pod, {"containers": [{"name": "a", "securityContext": object.union(_context, {"runAsUser": 9})}]})
	rule.deny == set() with input as _judged(override)
}

test_denies_privileged_containers if {
	rows := rule.deny with input as _container(object.union(_context, {"privileged": true}))
	{row.path | some row in rows} == {_in_container("privileged")}
	rule.deny == set() with input as _container(object.union(_context, {"privileged": false}))
}

test_denies_privilege_escalation_unless_it_is_refused if {
	every value in [null, true, "false", 0] {
		rows := rule.deny with input as _container(object.union(_context, {"allowPrivilegeEscalation": value}))
		{row.path | some row in rows} == {_in_container("allowPrivilegeEscalation")}
	}
	rows := rule.deny with input as _container(object.remove(_context, ["allowPrivilegeEscalation"]))
	{row.msg | some row in rows} == {"container server may gain privileges: allowPrivilegeEscalation is not false"}
}

test_denies_capabilities_that_are_kept_or_added if {
	every capabilities in [null, {}, [], {"drop": null}, {"drop": []}, {"drop": ["NET_RAW"]}, {"drop": "ALL"}] {
		context := object.union(_context, {"capabilities": null})
		rows := rule.deny with input as _container(object.union(context, {"capabilities": capabilities}))
		{row.msg | some row in rows} == {"container server keeps capabilities: capabilities.drop does not name ALL"}
	}
	added := object.union(_context, {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE", "SYS_ADMIN"]}})
	rule.deny == {{
		"msg": "container server adds the capability \"SYS_ADMIN\"",
		"path": ["spec", "containers", 0, "securityContext", "capabilities", "add", 1],
		"remedy": "Remove it; only NET_BIND_SERVICE may be added.",
	}} with input as _container(added)
}

test_denies_a_missing_seccomp_profile if {
	every profile in [null, {}, [], {"type": "Unconfined"}, {"type": null}, "RuntimeDefault"] {
		pod := {"securityContext": {"runAsNonRoot": true, "seccompProfile": profile}, "containers": _safe.containers}
		rows := rule.deny with input as _judged(pod)
		{row.msg | some row in rows} == {"container server runs without a seccomp profile"}
	}
}

test_denies_ports_of_the_node if {
	ports := [{"containerPort": 80}, {"containerPort": 81, "hostPort": 0}, {"containerPort": 82, "hostPort": 8080}]
	pod := object.union(_safe, {"containers": [{"name": "server", "securityContext": _context, "ports": ports}]})
	rule.deny == {{
		"msg": "container server takes port 8080 of the node",
		"path": ["spec", "containers", 0, "ports", 2, "hostPort"],
		"remedy": "Remove hostPort; a Service reaches the container.",
	}} with input as _judged(pod)
}

test_denies_namespaces_of_the_node if {
	every field in ["hostNetwork", "hostPID", "hostIPC"] {
		rows := rule.deny with input as _judged(object.union(_safe, {field: true}))
		{row.path | some row in rows} == {["spec", field]}
		rule.deny == set() with input as _judged(object.union(_safe, {field: false}))
		rule.deny == set() with input as _judged(object.union(_safe, {field: null}))
	}
}

test_denies_files_of_the_node if {
	volumes := [{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {"path": "/var/lib/models"}}]
	rule.deny == {{
		"msg": "the pod mounts files of the node through volume b",
		"path": ["spec", "volumes", 1, "hostPath"],
		"remedy": "Use a persistentVolumeClaim for models and an emptyDir for caches.",
	}} with input as _judged(object.union(_safe, {"volumes": volumes}))
	every odd in [[{"hostPath": {}}], [{"hostPath": "/"}]] {
		rows := rule.deny with input as _judged(object.union(_safe, {"volumes": odd}))
		count(rows) == 1
	}
}

test_never_fails_on_values_of_another_type if {
	every odd in [null, "x", 3, true, [], ["x", null, 3], {"a": "b"}] {
		volumes := rule.deny with input as _judged(object.union(_safe, {"volumes": odd}))
		is_set(volumes)
		container := {"name": "a", "securityContext": _context, "ports": odd}
		ports := rule.deny with input as _judged(object.union(_safe, {"containers": [container]}))
		is_set(ports)
		context := rule.deny with input as _container(odd)
		is_set(context)
		pod := rule.deny with input as _judged({"securityContext": odd, "containers": _safe.containers})
		is_set(pod)
	}
}

test_warns_of_a_writable_root_filesystem_and_denies_where_asked if {
	writable := _container(object.remove(_context, ["readOnlyRootFilesystem"]))
	row := {
		"msg": "container server can write to its root filesystem",
		"path": _in_container("readOnlyRootFilesystem"),
		"remedy": "Set securityContext.readOnlyRootFilesystem: true and mount an emptyDir where the container writes.",
	}
	rule.warn == {row} with input as writable
	rule.deny == set() with input as writable
	strict := {"parameters": {"security.pod_security": {"readOnlyRootFilesystem": true}}}
	rule.deny == {row} with input as object.union(writable, {"ployd": strict})
	rule.warn == set() with input as object.union(writable, {"ployd": strict})
}

test_judges_init_and_ephemeral_containers_of_every_workload if {
	pod := {
		"securityContext": _safe.securityContext,
		"initContainers": [{"name": "fetch", "securityContext": object.union(_context, {"runAsNonRoot": false})}],
		"containers": _safe.containers,
		"ephemeralContainers": [{"name": "debug", "securityContext": object.union(_context, {"runAsUser": 0})}],
	}
	cron := {"request": {
		"kind": {"group": "batch", "kind": "CronJob"},
		"namespace": "models",
		"object": {"spec": {"jobTemplate": {"spec": {"template": {"spec": pod}}}}},
	}}
	base := ["spec", "jobTemplate", "spec", "template", "spec"]
	rows := rule.deny with input as cron
	{row.path | some row in rows} == {
		array.concat(base, ["initContainers", 0, "securityContext", "runAsNonRoot"]),
		array.concat(base, ["ephemeralContainers", 0, "securityContext", "runAsUser"]),
	}
}

test_leaves_privileged_namespaces_alone if {
	owner := _judged({"containers": [{"name": "driver"}], "hostPID": true})
	parameters := {"parameters": {"security.pod_security": {"privilegedNamespaces": ["gpu-operator", "models"]}}}
	rule.deny == set() with input as object.union(owner, {"ployd": parameters})
	rule.warn == set() with input as object.union(owner, {"ployd": parameters})
	rows := rule.deny with input as owner
	count(rows) == 5
}

test_is_silent_on_other_kinds_and_deletions if {
	service := {"kind": {"group": "", "kind": "Service"}, "object": {"spec": {"hostNetwork": true}}}
	gone := {"kind": {"group": "", "kind": "Pod"}, "object": null}
	every request in [service, gone] {
		rule.deny == set() with input as {"request": request}
		rule.warn == set() with input as {"request": request}
	}
}
