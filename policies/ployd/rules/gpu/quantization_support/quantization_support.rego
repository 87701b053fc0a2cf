# METADATA
# title: The GPU can run the quantization
# description: >-
#   Each quantization needs kernels that exist from some compute capability on. vLLM compares them while it starts and
#   refuses an older GPU, whatever else fits. Which capability is needed changes with the version of vLLM.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/issues/4202
#   description: AWQ on a V100, in vLLM's words
# - ref: https://github.com/vllm-project/vllm/issues/1488
#   description: The same in an older version
# - ref: https://github.com/vllm-project/vllm/issues/14040
#   description: The same for compressed-tensors
# - ref: https://github.com/vllm-project/vllm/blob/main/vllm/config/vllm.py
#   description: The check, against get_min_capability of each method
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
#   remedy: Take a newer GPU, or a checkpoint of the model that is not quantized that way.
#   prevents: 'The quantization method awq is not supported for the current GPU. Minimum capability: 75. Current capability: 70.'
package ployd.rules.gpu.quantization_support

import data.ployd.lib.serving
import data.ployd.lib.text
import data.ployd.lib.values

deny contains row if {
	some server in serving.servers(input)
	some refusal in values.list(server.refusals)
	refusal.term == "quantization"
	method := server.requires.quantization
	needed := server.requires.quantizationCapability
	row := {
		"msg": sprintf("%v needs compute capability %v; %v has %v", [
			method,
			serving.capability(needed),
			server.gpu.name,
			serving.capability(server.gpu.computeCapability),
		]),
		"path": server.gpu.path,
		"remedy": text.sentence(array.concat(text.newer_gpus(server, needed), [sprintf("a checkpoint that is not %v", [method])])),
		"related": [{"msg": sprintf("the weights are %v", [method]), "path": _asked(server)}],
	}
}

# Where the quantization is asked for, else where the checkpoint is.
_asked(server) := path if {
	path := server.settings.quantization.path
} else := server.model.path
