# METADATA
# title: Workloads
# description: The pod inside every built-in kind that carries one, and its containers with their places.
package ployd.lib.workload

# Where the pod specification is inside each kind, by group and kind.
_pod_paths := {
	"/Pod": ["spec"],
	"/PodTemplate": ["template", "spec"],
	"/ReplicationController": ["spec", "template", "spec"],
	"apps/DaemonSet": ["spec", "template", "spec"],
	"apps/Deployment": ["spec", "template", "spec"],
	"apps/ReplicaSet": ["spec", "template", "spec"],
	"apps/StatefulSet": ["spec", "template", "spec"],
	"batch/CronJob": ["spec", "jobTemplate", "spec", "template", "spec"],
	"batch/Job": ["spec", "template", "spec"],
}

# Undefined for a request about another kind.
pod_path(request) := _pod_paths[sprintf("%v/%v", [request.kind.group, request.kind.kind])]

# The pod specification. Undefined where there is no object or no such mapping in it.
pod(request) := specification if {
	is_object(request.object)
	specification := object.get(request.object, pod_path(request), null)
	is_object(specification)
}

# Every container of a pod specification, with its place inside it. All three kinds run on the node.
containers(specification) := [found |
	some list in ["initContainers", "containers", "ephemeralContainers"]
	is_array(specification[list])
	some position, container in specification[list]
	is_object(container)
	found := {
		"name": _name(container, list, position),
		"path": [list, position],
		"value": container,
	}
]

_name(container, _, _) := sprintf("container %s", [container.name]) if is_string(container.name)

_name(container, list, position) := sprintf("%s[%d]", [list, position]) if not _is_named(container)

_is_named(container) if is_string(container.name)
