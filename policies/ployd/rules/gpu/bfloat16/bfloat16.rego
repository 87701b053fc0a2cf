# METADATA
# title: The GPU has bfloat16 where dtype asks for it
# description: >-
#   GPUs before Ampere (V100, T4) have no bfloat16. vLLM refuses a dtype that was asked for and that the GPU does not
#   have, before it loads anything, so the pod never becomes ready. Left out, dtype becomes what the GPU has.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/issues/1157
#   description: The failure on a T4
# - ref: https://github.com/vllm-project/vllm/issues/946
#   description: The failure on a V100, and half as the way out
# - ref: https://github.com/vllm-project/vllm/blob/main/vllm/platforms/cuda.py
#   description: The check, check_if_supports_dtype
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
#   remedy: Set dtype to half, or take a GPU with bfloat16.
#   prevents: Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your Tesla T4 GPU has compute capability 7.5.
package ployd.rules.gpu.bfloat16

import data.ployd.lib.serving
import data.ployd.lib.text
import data.ployd.lib.values

deny contains row if {
	some server in serving.servers(input)
	some refusal in values.list(server.refusals)
	refusal.term == "bfloat16"
	name := serving.setting_name(server, "dtype")
	row := {
		"msg": sprintf("%v is bfloat16, and %v has none (compute capability %v)", [
			name,
			server.gpu.name,
			serving.capability(server.gpu.computeCapability),
		]),
		"path": serving.setting_path(server, "dtype"),
		"remedy": text.sentence(array.concat([sprintf("set %v to %v", [name, _instead(server)])], _other(server))),
		"related": [{"msg": "the GPU", "path": server.gpu.path}],
	}
}

# Some models do not run in half either.
_instead(server) := "float32" if {
	server.model.type in values.list(data.ployd.vllm.quantization.float16Refused)
} else := "half"

_other(server) := offers if {
	offers := text.other_gpus(server)
	count(offers) > 0
} else := ["take a GPU that has bfloat16"]
