# METADATA
# title: GPUs are asked for whole, and as limits
# description: >-
#   Device plugins hand out whole devices. Half a GPU is refused by the API server, or rounded to none by a chart on the way,
#   and then the pod starts on a node without one or sees every GPU of it. A request without a limit, or unlike it, is refused.
#   To share one GPU, ask for a slice of it by name (nvidia.com/mig-1g.10gb) or for a replica that time-slicing advertises.
# related_resources:
# - ref: https://kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus/
#   description: GPUs are limits; a request must equal its limit
# - ref: https://github.com/vllm-project/production-stack/pull/1047
#   description: requestGPU 0.5 became a pod without any GPU
# - ref: https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/validation.go
#   description: The API server's words
# custom:
#   severity: error
#   scope: object
#   level: basic
#   kinds:
#   - ModelDeployment
#   - Pod
#   - PodTemplate
#   - ReplicationController
#   - DaemonSet
#   - Deployment
#   - ReplicaSet
#   - StatefulSet
#   - CronJob
#   - Job
#   remedy: Ask for a whole number of GPUs under limits; leave requests out or write the same number.
#   prevents: 'Invalid value: "500m": must be an integer'
package ployd.rules.gpu.count_integer

import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.quantity
import data.ployd.lib.values
import data.ployd.lib.workload

deny contains row if {
	kinds.is_ployd(input.request, "ModelDeployment")
	not _has_whole_count
	row := {
		"msg": sprintf("resources.gpu.count is %s; a replica gets whole GPUs, at least one", [values.shown(_count)]),
		"path": ["spec", "resources", "gpu", "count"],
		"remedy": _remedy(_count),
	}
}

deny contains row if {
	some place in _amounts
	not _is_whole(place)
	row := {
		"msg": sprintf("%s asks for %s of %s; devices are given out whole", [place.owner, values.shown(place.value), place.resource]),
		"path": place.path,
		"remedy": _remedy(place.value),
	}
}

deny contains row if {
	some place in _amounts
	place.list == "requests"
	not _has_limit(place)
	row := {
		"msg": sprintf("%s requests %s without a limit", [place.owner, place.resource]),
		"path": place.path,
		"remedy": sprintf("Write %s under limits; requests may be left out.", [place.resource]),
	}
}

deny contains row if {
	some place in _amounts
	place.list == "requests"
	limit := place.limits[place.resource]
	quantity.amount(place.value) != quantity.amount(limit)
	row := {
		"msg": sprintf("%s requests %v of %s, but its limit is %v", [place.owner, place.value, place.resource, limit]),
		"path": place.path,
		"remedy": "Write the same number, or leave the request out.",
		"related": [{"msg": "the limit", "path": place.limit_path}],
	}
}

_has_whole_count if numbers.positive(_count)

# null where it is not written.
_count := written if {
	written := input.request.object.spec.resources.gpu.count
} else := null

# Every amount of a GPU any container asks for, with all that is needed to speak about it.
_amounts contains place if {
	base := workload.pod_path(input.request)
	some container in workload.containers(workload.pod(input.request))
	resources := container.value.resources
	is_object(resources)
	some list in ["limits", "requests"]
	is_object(resources[list])
	some resource, value in resources[list]
	_is_gpu(resource)
	place := {
		"owner": container.name,
		"list": list,
		"resource": resource,
		"value": value,
		"limits": _limits(resources),
		"path": array.concat(base, array.concat(container.path, ["resources", list, resource])),
		"limit_path": array.concat(base, array.concat(container.path, ["resources", "limits", resource])),
	}
}

_limits(resources) := resources.limits if {
	is_object(resources.limits)
} else := {}

# nvidia.com/gpu.shared is what time-slicing advertises where it renames the resource.
_is_gpu(resource) if resource in {"nvidia.com/gpu", "nvidia.com/gpu.shared", "amd.com/gpu"}

_is_gpu(resource) if startswith(resource, "nvidia.com/mig-")

_is_whole(place) if numbers.natural(quantity.amount(place.value))

_has_limit(place) if place.limits[place.resource] != null

_remedy(value) := sprintf("Ask for %d; to share a GPU, ask for a MIG or time-slicing resource instead.", [rounded]) if {
	rounded := ceil(quantity.amount(value))
	rounded >= 1
} else := "Ask for a whole number of GPUs."
