# METADATA
# title: Models ask for GPU types that the environment has
# description: >-
#   A pod is scheduled only on a node whose label names the GPU it asks for. A type that no node has, or one that is reserved
#   for others, leaves the pod Pending until somebody looks, and a cluster autoscaler without a pool of that type adds nothing.
#   Which types there are only an operator can say; where nothing is declared the rule is silent.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#nodeselector
#   description: A pod goes only to nodes that have every label it asks for
# - ref: https://kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus/
#   description: Types of GPUs are told apart by labels of their nodes
# - ref: https://github.com/ome-projects/ome/issues/319
#   description: An inference pod that no GPU node matches stays Pending
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
#   remedy: Ask for one of the GPU types of the environment.
#   prevents: "0/N nodes are available: N node(s) didn't match Pod's node affinity/selector."
package ployd.rules.fleet.gpu_types

import data.ployd.lib.parameters
import data.ployd.lib.serving

deny contains row if {
	some server in serving.servers(input)
	gpu := server.gpu
	gpu.known == true
	not _is_here(gpu)
	row := {
		"msg": sprintf("%s asks for %s (%s), which this environment does not have", [server.owner, gpu.written, gpu.name]),
		"path": gpu.path,
		"remedy": sprintf("Ask for %s.", [serving.either(_types)]),
	}
}

deny contains row if {
	is_object(input.request.object)
	value := object.get(_parameters, "types", null)
	value != null
	not _is_list(value)
	row := parameters.unusable("fleet.gpu_types", "types", value, "a list of names")
}

_parameters := parameters.of(input, "fleet.gpu_types")

_types := _parameters.types if _is_list(_parameters.types)

_is_list(value) if {
	is_array(value)
	count(value) > 0
	every item in value {
		is_string(item)
	}
}

# Any spelling of the list counts: as the manifest writes it, or any name that the catalogue knows this GPU by.
_is_here(gpu) if {
	some type in _types
	_key(type) in _spellings(gpu)
}

_spellings(gpu) := {_key(name) |
	some name in array.concat([gpu.written, gpu.name, _whole(gpu)], _aliases(gpu))
	is_string(name)
}

_aliases(gpu) := [alias | some alias in data.ployd.gpus.gpus[_whole(gpu)].aliases]

# A slice belongs to the GPU it is cut from.
_whole(gpu) := trim_suffix(gpu.name, sprintf(" %s", [gpu.mig])) if {
	gpu.mig != ""
	is_string(gpu.mig)
	is_string(gpu.name)
} else := gpu.name

# Without case and punctuation.
_key(text) := regex.replace(lower(text), `[^a-z0-9]`, "")
