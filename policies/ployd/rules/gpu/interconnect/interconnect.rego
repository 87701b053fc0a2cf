# METADATA
# title: GPUs that share each layer are linked by more than PCIe
# description: >-
#   Tensor parallelism exchanges results twice in every layer. Over PCIe that costs a good part of the second GPU, and the
#   engine may hang in its first exchange, because not every board lets GPUs write into each other's memory. Pipeline
#   parallelism exchanges once between two GPUs. GPUs on which it was tried are data.
# related_resources:
# - ref: https://docs.vllm.ai/en/latest/serving/parallelism_scaling.html
#   description: GPUs without NVLink, like L40S, do better with pipeline parallelism
# - ref: https://github.com/ai-dynamo/aiconfigurator/issues/1346
#   description: Two L40S that hang while they set up their communicator
# - ref: https://github.com/vllm-project/vllm/issues/51513
#   description: The same on newer boards, and why it depends on the board
# - ref: https://github.com/vllm-project/vllm/issues/8410
#   description: A hang in the custom all-reduce
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
#   remedy: Set pipeline_parallel_size in place of tensor_parallel_size, or add --disable-custom-all-reduce, or name the GPU as tried.
#   prevents: 'The engine hangs while GPUs find each other; the last line of the log is about the communicator (NCCL), and no error follows'
package ployd.rules.gpu.interconnect

import data.ployd.lib.parameters
import data.ployd.lib.serving
import data.ployd.lib.text
import data.ployd.lib.values

warn contains row if {
	some server in serving.servers(input)
	_is_slow(server)
	name := server.gpu.name
	not _is_allowed(name)
	row := {
		"msg": sprintf("%v share each layer over PCIe: %v has no NVLink", [text.gpus(server.parallel.tensor), server.gpu.name]),
		"path": serving.setting_path(server, "tensor_parallel_size"),
		"remedy": _remedy(server),
		"related": [{"msg": "the GPU", "path": server.gpu.path}],
	}
}

# It only ever warns, so what cannot be compared is a warning, too.
warn contains row if {
	some server in serving.servers(input)
	_is_slow(server)
	allowed := object.get(_parameters, "allowed", null)
	not is_array(allowed)
	row := parameters.unusable("gpu.interconnect", "allowed", allowed, "a list of GPUs' names")
}

_parameters := parameters.of(input, "gpu.interconnect")

_is_allowed(name) if name in values.list(_parameters.allowed)

_is_slow(server) if {
	server.gpu.link == "PCIe"
	server.parallel.tensor > 1
	not server.settings.disable_custom_all_reduce.value == true
}

_remedy(server) := sprintf("Set %v to %v and %v to 1, or add --disable-custom-all-reduce.", [
	serving.setting_name(server, "pipeline_parallel_size"),
	server.parallel.tensor * server.parallel.pipeline,
	serving.setting_name(server, "tensor_parallel_size"),
])
