# METADATA
# title: Containers run without root and without ways to the node
# description: >-
#   A container that runs as root, gains privileges or shares the node's namespaces and files turns a flaw of a model server
#   into the node and every GPU on it. This is what the restricted Pod Security standard refuses, judged for containers,
#   initContainers and ephemeralContainers alike, with what they inherit from the pod. The cluster looks at pods only: it
#   accepts a Deployment, which then has no pods. A writable root filesystem is a warning, as nvidia-cdi-hook needs one.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
#   description: What the restricted standard demands
# - ref: https://kubernetes.io/docs/concepts/security/pod-security-admission/
#   description: Enforced on pods, not on the workloads that create them
# - ref: https://github.com/kserve/kserve/issues/5666
#   description: The image of vLLM names no user, so it runs as root
# - ref: https://github.com/vllm-project/vllm/pull/40275
#   description: What vLLM needs to run without root
# custom:
#   severity: error
#   scope: object
#   level: full
#   kinds:
#   - Pod
#   - PodTemplate
#   - ReplicationController
#   - DaemonSet
#   - Deployment
#   - ReplicaSet
#   - StatefulSet
#   - CronJob
#   - Job
#   remedy: >-
#     Set runAsNonRoot and seccompProfile in the pod's securityContext, allowPrivilegeEscalation and capabilities in each
#     container's. A model server then needs HOME and its caches on an emptyDir.
#   prevents: 'violates PodSecurity "restricted:latest"'
package ployd.rules.security.pod_security

import data.ployd.lib.parameters
import data.ployd.lib.values
import data.ployd.lib.workload

deny contains row if {
	some container in _containers
	not _runs_as_non_root(container)
	row := {
		"msg": sprintf("%s may run as root: runAsNonRoot is not true for it", [container.name]),
		"path": array.concat(container.path, ["securityContext", "runAsNonRoot"]),
		"remedy": "Set securityContext.runAsNonRoot: true for the pod, and nothing else in the container.",
	}
}

deny contains row if {
	some container in _containers
	_user(container) == 0
	row := {
		"msg": sprintf("%s runs as user 0, which is root", [container.name]),
		"path": array.concat(container.path, ["securityContext", "runAsUser"]),
		"remedy": "Set runAsUser to a user of the image other than 0, or leave it out.",
	}
}

deny contains row if {
	some container in _containers
	container.context.privileged == true
	row := {
		"msg": sprintf("%s is privileged: it owns the node", [container.name]),
		"path": array.concat(container.path, ["securityContext", "privileged"]),
		"remedy": "Remove privileged; a device plugin gives the container its GPUs.",
	}
}

deny contains row if {
	some container in _containers
	not container.context.allowPrivilegeEscalation == false
	row := {
		"msg": sprintf("%s may gain privileges: allowPrivilegeEscalation is not false", [container.name]),
		"path": array.concat(container.path, ["securityContext", "allowPrivilegeEscalation"]),
		"remedy": "Set securityContext.allowPrivilegeEscalation: false in the container.",
	}
}

deny contains row if {
	some container in _containers
	not _drops_all(container)
	row := {
		"msg": sprintf("%s keeps capabilities: capabilities.drop does not name ALL", [container.name]),
		"path": array.concat(container.path, ["securityContext", "capabilities", "drop"]),
		"remedy": "Set securityContext.capabilities.drop: [ALL] in the container.",
	}
}

deny contains row if {
	some container in _containers
	some position, capability in values.list(container.context.capabilities.add)
	capability != "NET_BIND_SERVICE"
	row := {
		"msg": sprintf("%s adds the capability %s", [container.name, values.shown(capability)]),
		"path": array.concat(container.path, ["securityContext", "capabilities", "add", position]),
		"remedy": "Remove it; only NET_BIND_SERVICE may be added.",
	}
}

deny contains row if {
	some container in _containers
	not _has_seccomp(container)
	row := {
		"msg": sprintf("%s runs without a seccomp profile", [container.name]),
		"path": array.concat(container.path, ["securityContext", "seccompProfile"]),
		"remedy": "Set securityContext.seccompProfile.type: RuntimeDefault for the pod.",
	}
}

deny contains row if {
	some container in _containers
	some position, port in values.list(container.value.ports)
	port.hostPort != null
	port.hostPort != 0
	row := {
		"msg": sprintf("%s takes port %v of the node", [container.name, port.hostPort]),
		"path": array.concat(container.path, ["ports", position, "hostPort"]),
		"remedy": "Remove hostPort; a Service reaches the container.",
	}
}

deny contains row if {
	_judged
	some field in ["hostNetwork", "hostPID", "hostIPC"]
	_pod[field] == true
	row := {
		"msg": sprintf("the pod shares the node's namespace: %s is true", [field]),
		"path": array.concat(_base, [field]),
		"remedy": sprintf("Remove %s.", [field]),
	}
}

deny contains row if {
	_judged
	some position, volume in values.list(_pod.volumes)
	volume.hostPath != null
	row := {
		"msg": sprintf("the pod mounts files of the node through %s", [_volume(volume, position)]),
		"path": array.concat(_base, ["volumes", position, "hostPath"]),
		"remedy": "Use a persistentVolumeClaim for models and an emptyDir for caches.",
	}
}

deny contains row if {
	_parameters.readOnlyRootFilesystem == true
	some row in _writable
}

warn contains row if {
	not _parameters.readOnlyRootFilesystem == true
	some row in _writable
}

_writable contains row if {
	some container in _containers
	not container.context.readOnlyRootFilesystem == true
	row := {
		"msg": sprintf("%s can write to its root filesystem", [container.name]),
		"path": array.concat(container.path, ["securityContext", "readOnlyRootFilesystem"]),
		"remedy": "Set securityContext.readOnlyRootFilesystem: true and mount an emptyDir where the container writes.",
	}
}

_parameters := parameters.of(input, "security.pod_security")

_base := workload.pod_path(input.request)

_pod := workload.pod(input.request)

# Some namespaces are there for what must own the node: device plugins, drivers, storage.
_judged if not input.request.namespace in _privileged_namespaces

_privileged_namespaces contains namespace if {
	some namespace in values.list(_parameters.privilegedNamespaces)
}

_containers contains container if {
	_judged
	some found in workload.containers(_pod)
	container := {
		"name": found.name,
		"path": array.concat(_base, found.path),
		"value": found.value,
		"context": _context(found.value),
	}
}

_context(carrier) := carrier.securityContext if {
	is_object(carrier.securityContext)
} else := {}

# What the container says, else what its pod says.
_effective(container, field) := object.get(container.context, field, null) if {
	object.get(container.context, field, null) != null
} else := object.get(_context(_pod), field, null)

_runs_as_non_root(container) if _effective(container, "runAsNonRoot") == true

_user(container) := _effective(container, "runAsUser")

_drops_all(container) if "ALL" in values.list(container.context.capabilities.drop)

_volume(volume, position) := sprintf("volume %s", [volume.name]) if {
	is_string(volume.name)
} else := sprintf("volumes[%d]", [position])

_has_seccomp(container) if _effective(container, "seccompProfile").type in {"RuntimeDefault", "Localhost"}
