# METADATA
# title: Somebody pays for the GPUs
# description: >-
#   GPUs are the largest part of the bill, and a cost report can only divide it by what is written on the objects. Where
#   nothing is, the hours land on the platform's own account, and nobody notices a model that is no longer used. A
#   ModelDeployment names its cost centre in spec.budget.costCentre or a label, a workload that asks for GPUs in a label of
#   its pods. Which label, and what a cost centre looks like, is data of the environment.
# related_resources:
# - ref: https://opencost.io/docs/specification/
#   description: Costs are allocated by namespace, controller and label; the rest is unallocated
# - ref: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
#   description: Labels are what other programs select objects by
# custom:
#   severity: warning
#   scope: object
#   level: comprehensive
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
#   remedy: Write spec.budget.costCentre, or the label that the environment's parameters name.
#   prevents: GPU hours that the cost report shows as unallocated
package ployd.rules.audit.cost_centre

import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.parameters
import data.ployd.lib.quantity
import data.ployd.lib.workload

warn contains row if {
	_is_model
	count(_written) == 0
	row := {
		"msg": sprintf("nobody is named who pays for %s", [_gpus_of_model]),
		"path": ["spec", "budget", "costCentre"],
		"remedy": sprintf("Write the cost centre in spec.budget.costCentre, or as the label %s%s.", [_label, _form]),
	}
}

warn contains row if {
	count(_gpus_of_pod) > 0
	count(_written) == 0
	row := {
		"msg": sprintf("nobody is named who pays for %s%s", [concat(" and ", _gpus_of_pod), _times]),
		"path": array.concat(_template, ["metadata", "labels", _label]),
		"remedy": sprintf("Add the label %s with the cost centre to the pods%s.", [_label, _form]),
	}
}

warn contains row if {
	some place in _written
	_is_expression(_pattern)
	text := place.value
	not _matches(text)
	row := {
		"msg": sprintf("cost centre %q is not of the form %s", [text, _pattern]),
		"path": place.path,
		"remedy": sprintf("Write a cost centre of the form %s.", [_pattern]),
	}
}

warn contains row if {
	_applies
	not _label
	value := object.get(_parameters, "label", null)
	row := parameters.unusable("audit.cost_centre", "label", value, "the name of a label")
}

warn contains row if {
	_applies
	pattern := object.get(_parameters, "pattern", null)
	pattern != null
	not _is_expression(pattern)
	row := parameters.unusable("audit.cost_centre", "pattern", pattern, "a regular expression, or null for any cost centre")
}

_parameters := parameters.of(input, "audit.cost_centre")

_label := name if {
	name := _parameters.label
	is_string(name)
	name != ""
}

_pattern := object.get(_parameters, "pattern", null)

_is_expression(pattern) if {
	is_string(pattern)
	regex.is_valid(pattern)
}

_matches(text) if regex.match(sprintf("^(%s)$", [_pattern]), text)

_form := sprintf(", of the form %s", [_pattern]) if {
	_is_expression(_pattern)
} else := ""

_is_model if kinds.is_ployd(input.request, "ModelDeployment")

_applies if _is_model

_applies if count(_gpus_of_pod) > 0

# Every place where a cost centre is written.
_written contains place if {
	_is_model
	value := input.request.object.spec.budget.costCentre
	place := {"value": value, "path": ["spec", "budget", "costCentre"]}
	_is_text(value)
}

# The label of a Deployment or Job never reaches its pods, whose hours are what is counted.
_written contains place if {
	_applies
	_labels_are_the_models_or_pods
	value := input.request.object.metadata.labels[_label]
	place := {"value": value, "path": ["metadata", "labels", _label]}
	_is_text(value)
}

_written contains place if {
	_applies
	count(_template) > 0
	path := array.concat(_template, ["metadata", "labels", _label])
	value := object.get(input.request.object, path, null)
	place := {"value": value, "path": path}
	_is_text(value)
}

_labels_are_the_models_or_pods if _is_model

_labels_are_the_models_or_pods if count(_template) == 0

_is_text(value) if {
	is_string(value)
	trim_space(value) != ""
}

_gpus_of_model := sprintf("up to %d GPUs", [replicas * gpus]) if {
	replicas := numbers.positive(input.request.object.spec.scaling.maxReplicas)
	gpus := numbers.positive(input.request.object.spec.resources.gpu.count)
	replicas * gpus > 1
} else := "its GPUs"

# Where the pod template is; empty where the object is the pod itself.
_template := array.slice(path, 0, count(path) - 1) if path := workload.pod_path(input.request)

# What the containers of a pod ask for, as a sentence has it.
_gpus_of_pod := [text |
	some container in workload.containers(workload.pod(input.request))
	some resource, value in _amounts(container.value)
	_is_gpu(resource)
	quantity.amount(value) > 0
	text := sprintf("%v %s of %s", [value, resource, container.name])
]

_times := sprintf(", in %d replicas", [replicas]) if {
	replicas := numbers.positive(input.request.object.spec.replicas)
	replicas > 1
} else := ""

# A limit counts before a request: they must be the same for GPUs.
_amounts(container) := object.union(_part(container, "requests"), _part(container, "limits"))

_part(container, list) := container.resources[list] if {
	is_object(container.resources[list])
} else := {}

_is_gpu(resource) if endswith(resource, "/gpu")

_is_gpu(resource) if startswith(resource, "nvidia.com/gpu.")

_is_gpu(resource) if startswith(resource, "nvidia.com/mig-")
