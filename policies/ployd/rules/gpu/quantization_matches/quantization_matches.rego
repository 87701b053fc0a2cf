# METADATA
# title: The quantization is the one the checkpoint has
# description: >-
#   vLLM reads how weights are quantized from the checkpoint. Told something else it refuses to start, and told the same it
#   learns nothing and may get slower kernels than it would choose. So the setting is best left out.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/issues/5842
#   description: The failure, in vLLM's words
# - ref: https://github.com/vllm-project/vllm/issues/3331
#   description: The same between two other methods
# - ref: https://github.com/vllm-project/vllm/issues/19050
#   description: An fp8 checkpoint called gguf
# - ref: https://github.com/vllm-project/vllm/blob/main/vllm/config/model.py
#   description: The check, _verify_quantization
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
#   remedy: Leave quantization out.
#   prevents: Quantization method specified in the model config (gptq) does not match the quantization method specified in the `quantization` argument (awq).
package ployd.rules.gpu.quantization_matches

import data.ployd.lib.serving

deny contains row if {
	some server in serving.servers(input)
	asked := serving.setting(server, "quantization")
	stored := server.model.quantization
	_is_method(stored)
	_is_format(asked)
	_plain(asked) != _plain(stored)
	name := serving.setting_name(server, "quantization")
	row := {
		"msg": sprintf("%v is %v, but the weights are %v", [name, asked, stored]),
		"path": serving.setting_path(server, "quantization"),
		"remedy": sprintf("Leave %v out: vLLM reads %v from the checkpoint.", [name, stored]),
		"related": [{"msg": sprintf("the weights are %v", [stored]), "path": server.model.path}],
	}
}

# The same method under one name.
_plain(method) := plain if {
	plain := data.ployd.vllm.quantization.aliases[method]
} else := method

# What a checkpoint's name tells may be the width alone (int4), of which nothing follows; a method can be compared.
_is_method(stored) if data.ployd.vllm.quantization.minimumComputeCapability[_plain(stored)]

# Containers (compressed-tensors, modelopt) hold any format; a format of its own cannot be another one.
_is_format(asked) if data.ployd.vllm.weights.formats[_plain(asked)]
