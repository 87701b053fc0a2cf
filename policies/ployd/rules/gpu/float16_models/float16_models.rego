# METADATA
# title: Models that overflow in float16 run in another type
# description: >-
#   Activations of some models (gemma2, gemma3, glm4) exceed what float16 can hold, so vLLM refuses to run them in it.
#   Where dtype is left out on a GPU without bfloat16 (V100, T4), older versions refuse it and newer ones take float32, which
#   doubles the memory of everything and which quantized weights do not run in.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/issues/28857
#   description: Gemma 3, refused in float16 and, quantized with AWQ, in float32 too
# - ref: https://github.com/vllm-project/vllm/issues/14817
#   description: Gemma 3 on a T4, which has no bfloat16, and empty answers in float16
# - ref: https://github.com/unslothai/unsloth/issues/3366
#   description: Newer versions fall back to float32, as the log says
# - ref: https://github.com/vllm-project/vllm/blob/main/vllm/config/model.py
#   description: The models that are refused
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
#   remedy: Run the model in bfloat16 on a GPU that has it, or in float32.
#   prevents: 'The model type ''gemma3'' does not support float16. Reason: Numerical instability. Please use bfloat16 or float32 instead.'
package ployd.rules.gpu.float16_models

import data.ployd.lib.serving
import data.ployd.lib.text
import data.ployd.lib.values

deny contains row if {
	some server in serving.servers(input)
	some refusal in values.list(server.refusals)
	refusal.term == "float16"
	name := serving.setting_name(server, "dtype")
	row := {
		"msg": sprintf("%v does not run in float16, and %v", [server.model.type, _why(server, name)]),
		"path": serving.setting_path(server, "dtype"),
		"remedy": text.sentence(_ways(server, name)),
		"related": [
			{"msg": sprintf("the model is %v", [server.model.name]), "path": server.model.path},
			{"msg": "the GPU", "path": server.gpu.path},
		],
	}
}

_why(server, name) := sprintf("%v is %v", [name, asked]) if {
	asked := serving.setting(server, "dtype")
	asked in {"half", "float16"}
} else := sprintf("%v has no bfloat16; unless %v says so, vLLM refuses it or takes float32, twice the memory", [server.gpu.name, name])

_ways(server, name) := [sprintf("set %v to bfloat16", [name])] if {
	server.gpu.bf16
} else := array.concat(_wide(server, name), _other(server))

# Quantized weights do not run in float32.
_wide(server, name) := [sprintf("set %v to float32", [name])] if {
	object.get(server.model, "quantization", "") == ""
} else := []

_other(server) := offers if {
	offers := text.other_gpus(server)
	count(offers) > 0
} else := ["take a GPU that has bfloat16"]
