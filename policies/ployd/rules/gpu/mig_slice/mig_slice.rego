# METADATA
# title: A model on a slice of a GPU runs on that one slice
# description: >-
#   A process sees one MIG slice, and slices exchange no data directly, so several of them are not one larger GPU: vLLM's
#   workers stop while they start. vLLM reads CUDA_VISIBLE_DEVICES as numbers and stops at a slice's UUID. The device plugin
#   chooses the slice; who names one by hand takes it from another pod.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/issues/7211
#   description: Tensor parallelism over two slices stops at the UUID of the first
# - ref: https://github.com/vllm-project/vllm/issues/41848
#   description: The same with a single slice in vLLM 0.20.1
# - ref: https://github.com/vllm-project/vllm/issues/6551
#   description: The same since 0.5.2
# - ref: https://github.com/NVIDIA/nccl/issues/1716
#   description: Slices have no peer access, by PCIe or NVLink
# - ref: https://docs.nvidia.com/datacenter/tesla/mig-user-guide/
#   description: CUDA enumerates a single slice
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
#   remedy: Run the model on one slice with tensor_parallel_size 1, or on whole GPUs.
#   prevents: 'ValueError: invalid literal for int() with base 10: ''MIG-...'''
package ployd.rules.gpu.mig_slice

import data.ployd.lib.numbers
import data.ployd.lib.serving

deny contains row if {
	some server in serving.servers(input)
	slice := _slice(server)
	gpus := numbers.positive(server.parallel.gpus)
	gpus > 1
	row := {
		"msg": sprintf("%s spreads the model over %d MIG slices (%s), which cannot work as one", [server.owner, gpus, slice]),
		"path": _path(server),
		"remedy": _remedy(server),
	}
}

deny contains row if {
	some server in serving.servers(input)
	some name in ["CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"]
	variable := server.environment[name]
	is_string(variable.value)
	contains(variable.value, "MIG-")
	row := {
		"msg": sprintf("%s sets %s to %q; %s", [server.owner, name, variable.value, _why[name]]),
		"path": variable.path,
		"remedy": sprintf("Remove %s: the container sees the slice it asks for under limits.", [name]),
	}
}

_why := {
	"CUDA_VISIBLE_DEVICES": "vLLM reads it as numbers and stops",
	"NVIDIA_VISIBLE_DEVICES": "it takes a slice that the device plugin may have given to another pod",
}

# The profile of the slice; undefined for a whole GPU.
_slice(server) := server.gpu.mig if {
	is_string(server.gpu.mig)
	server.gpu.mig != ""
} else := profiles[0] if {
	is_object(input.request.object)
	profiles := [trim_prefix(resource, "nvidia.com/mig-") |
		limits := object.get(input.request.object, array.concat(server.path, ["resources", "limits"]), {})
		is_object(limits)
		some resource, _ in limits
		startswith(resource, "nvidia.com/mig-")
	]
	count(profiles) > 0
}

# The size that is written and more than 1; where none is, the number of slices makes it.
_path(server) := serving.setting_path(server, written[0]) if {
	written := [name |
		some name in ["tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size", "data_parallel_size_local"]
		numbers.positive(serving.setting(server, name)) > 1
	]
	count(written) > 0
} else := server.gpu.countPath

_remedy(server) := sprintf("Take one slice: set the parallel sizes and resources.gpu.count to 1; or take %s.", [_whole(server)]) if {
	server.kind == "ModelDeployment"
} else := sprintf("Take one slice: set the parallel sizes and the limit to 1; or take %s.", [_whole(server)])

_whole(server) := sprintf("a whole %s", [split(server.gpu.name, " ")[0]]) if {
	is_string(server.gpu.name)
	server.gpu.name != ""
} else := "a whole GPU"
