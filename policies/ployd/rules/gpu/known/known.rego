# METADATA
# title: The GPU is known
# description: >-
#   Whether vLLM runs on a GPU, and whether a model fits it, is computed from the GPU's figures. Of one that is in no
#   catalogue nothing can be said, so the checks of memory and of capabilities are silent: no finding means nothing then.
#   A pod that names no GPU may land on any.
# related_resources:
# - ref: https://github.com/NVIDIA/k8s-device-plugin/blob/main/docs/gpu-feature-discovery/README.md
#   description: The label that names a node's GPU
# - ref: https://kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus/
#   description: How pods choose nodes by their GPU
# custom:
#   severity: warning
#   scope: object
#   level: full
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
#   remedy: Name a GPU of the catalogue, or add yours to a gpus.yaml of your own.
#   prevents: 'Silence: a server that no rule about memory or capabilities has judged'
package ployd.rules.gpu.known

import data.ployd.lib.serving
import data.ployd.lib.values

warn contains row if {
	some server in serving.servers(input)
	server.gpu.known == false
	written := server.gpu.written
	written != ""
	row := {
		"msg": sprintf("GPU %v is in no catalogue, so nothing about it is checked", [values.shown(written)]),
		"path": server.gpu.path,
		"remedy": _sentence(server.gpu.remedy),
	}
}

# Of a ModelDeployment the schema demands a type.
warn contains row if {
	some server in serving.servers(input)
	server.gpu.known == false
	server.gpu.written == ""
	server.kind != "ModelDeployment"
	row := {
		"msg": "nothing says on which GPU this server runs, so nothing about memory or capabilities is checked",
		"path": server.gpu.path,
		"remedy": "Add a nodeSelector with nvidia.com/gpu.product, as the nodes have it.",
	}
}

_sentence(text) := sprintf("%v%v.", [upper(substring(text, 0, 1)), substring(text, 1, -1)]) if {
	is_string(text)
	text != ""
} else := "Name a GPU of the catalogue."
