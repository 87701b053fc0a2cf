# METADATA
# title: A quantization that takes float16 alone is not run in bfloat16
# description: >-
#   The plain kernels of AWQ and GPTQ took float16 only, up to a version that is data. Asked for bfloat16 beside them vLLM
#   refuses to start. Their Marlin kernels, which vLLM chooses itself where quantization is left out, take both.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/issues/1823
#   description: The failure, in vLLM's words
# - ref: https://github.com/vllm-project/vllm/issues/1941
#   description: The same, and why
# - ref: https://github.com/vllm-project/vllm/pull/17705
#   description: The Marlin kernels of AWQ take bfloat16
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
#   remedy: Set dtype to half, or leave quantization out.
#   prevents: 'torch.bfloat16 is not supported for quantization method awq. Supported dtypes: [torch.float16]'
package ployd.rules.gpu.quantization_dtype

import data.ployd.lib.serving
import data.ployd.lib.values
import data.ployd.lib.version

deny contains row if {
	some server in serving.servers(input)
	serving.setting(server, "dtype") == "bfloat16"

	# Asked for by name: what vLLM finds in the checkpoint it runs with the Marlin kernels.
	method := serving.setting(server, "quantization")
	method in values.list(_only.methods)
	version.below(server.version.text, _only.before)

	# A GPU without bfloat16 has a rule of its own.
	not "bfloat16" in {refusal.term | some refusal in values.list(server.refusals)}
	dtype := serving.setting_name(server, "dtype")
	quantization := serving.setting_name(server, "quantization")
	row := {
		"msg": sprintf("%v of vLLM %v runs in float16 only, and %v is bfloat16", [method, server.version.text, dtype]),
		"path": serving.setting_path(server, "dtype"),
		"remedy": sprintf("Set %v to half, or leave %v out, or pin vLLM %v or newer.", [dtype, quantization, _only.before]),
		"related": [{"msg": sprintf("%v is asked for by name", [method]), "path": serving.setting_path(server, "quantization")}],
	}
}

_only := data.ployd.vllm.quantization.halfOnly
