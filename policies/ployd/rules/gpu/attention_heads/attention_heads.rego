# METADATA
# title: Tensor parallelism divides the model's heads, vocabulary and widths
# description: >-
#   Each GPU of a tensor parallel group takes an equal share of the attention heads, the key-value heads, the vocabulary
#   and the feed-forward width. Where a share would not be whole the engine stops before it loads anything, and the pod
#   restarts for ever. Key-value heads may also be copied, where tensor parallelism is a multiple of them.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/issues/11797
#   description: 28 heads cannot be shared by 8 GPUs, and the lines that say so
# - ref: https://github.com/vllm-project/vllm/issues/2652
#   description: 52 heads by 8 GPUs
# - ref: https://github.com/vllm-project/vllm/issues/4232
#   description: 40 heads by 6 GPUs
# - ref: https://github.com/THU-KEG/AdaptThink/issues/1
#   description: The failure word for word, with a distillate of Qwen2.5 7B
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
#   remedy: Set tensor_parallel_size to a number that divides the model's attention heads, as its config.json has them.
#   prevents: Total number of attention heads (28) must be divisible by tensor parallel size (8).
package ployd.rules.gpu.attention_heads

import data.ployd.lib.serving
import data.ployd.lib.values

deny contains row if {
	some server in serving.servers(input)
	some refusal in values.list(server.refusals)
	refusal.term in {"attention_heads", "kv_heads", "vocabulary", "intermediate"}
	name := serving.setting_name(server, "tensor_parallel_size")
	row := {
		"msg": sprintf("vLLM cannot divide %v (%v, %v %v)", [refusal.text, server.model.name, name, server.parallel.tensor]),
		"path": serving.setting_path(server, "tensor_parallel_size"),
		"remedy": _remedy(server, name, split(refusal.text, " by ")[0]),
		"related": _related(server, name),
	}
}

_remedy(server, name, what) := sprintf("Set %v to %v, on as many GPUs: that divides %v.", [name, serving.either(sizes), what]) if {
	sizes := _sizes(server)
	count(sizes) > 0
} else := sprintf("Set %v to a number that divides %v.", [name, what])

# Sizes for the GPUs there are, if possible such that the model fits; else all that divide.
_sizes(server) := fitting if {
	fitting := [size | some size in values.list(server.remedies.fittingTensorParallelSizes); size <= server.gpu.count]
	count(fitting) > 0
} else := dividing if {
	dividing := [size | some size in values.list(server.remedies.tensorParallelSizes); size <= server.gpu.count]
	count(dividing) > 0
} else := values.list(server.remedies.tensorParallelSizes)

_related(server, name) := [{"msg": sprintf("unset, %v becomes the %v GPUs of a replica", [name, server.gpu.count]), "path": server.gpu.countPath} |
	not server.settings.tensor_parallel_size
]
