# METADATA
# title: A server on a shared GPU says how much of it is its own
# description: >-
#   A time-sliced GPU is given to several pods at once, and nothing divides its memory: each vLLM takes the share that
#   gpu_memory_utilization says, most of it by default. The second one finds too little free and does not start, or takes
#   the memory the first one needs later. How many pods share a GPU is data.
# related_resources:
# - ref: https://github.com/NVIDIA/k8s-device-plugin#shared-access-to-gpus
#   description: Time-slicing gives no isolation of memory, and its label ends in SHARED
# - ref: https://github.com/vllm-project/vllm/issues/20305
#   description: The failure, when something else is on the GPU
# - ref: https://github.com/vllm-project/vllm/issues/10533
#   description: Two servers whose shares add up to less than the GPU, and the second does not start
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
#   remedy: Set gpu_memory_utilization to at most 1 divided by the pods that share the GPU.
#   prevents: Free memory on device (59.32/79.15 GiB) on startup is less than desired GPU memory utilization (0.9, 71.24 GiB).
package ployd.rules.gpu.shared

import data.ployd.lib.numbers
import data.ployd.lib.parameters
import data.ployd.lib.serving
import data.ployd.lib.values

deny contains row if {
	some server in serving.servers(input)
	server.gpu.shared == true
	share := object.get(server.settings, ["gpu_memory_utilization", "value"], null)
	not _is_small(share)
	name := serving.setting_name(server, "gpu_memory_utilization")
	row := {
		"msg": sprintf("%v is given to %v, and %v is %v", [server.gpu.written, _pods, name, _shown(server, share)]),
		"path": serving.setting_path(server, "gpu_memory_utilization"),
		"remedy": sprintf("Set %v to at most %v.", [name, _most]),
		"related": [{"msg": "the GPU", "path": server.gpu.path}],
	}
}

deny contains row if {
	some server in serving.servers(input)
	server.gpu.shared == true
	not _most
	row := parameters.unusable("gpu.shared", "replicas", _replicas, "a whole number of at least 1, or null")
}

_parameters := parameters.of(input, "gpu.shared")

_replicas := object.get(_parameters, "replicas", null)

# Unless it is declared how many share a GPU, there are at least two. Hundredths, so that thirds can be written.
_most := floor(100 / numbers.positive(_replicas)) / 100

_most := 0.5 if _replicas == null

_pods := sprintf("%v pods at once", [_replicas]) if {
	_replicas != null
} else := "several pods at once"

_is_small(share) if {
	is_number(share)
	share <= _most
}

_shown(server, null) := sprintf("not set: vLLM takes %v", [server.estimate.settings.utilization]) if {
	server.estimate.settings.utilization
} else := "not set: vLLM takes most of it"

_shown(_, share) := values.shown(share) if share != null
