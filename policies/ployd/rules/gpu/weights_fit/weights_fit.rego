# METADATA
# title: The weights fit the memory of the GPUs
# description: >-
#   Each GPU holds its share of the weights beside everything else, inside the part of its memory that vLLM may use. Where
#   the share is larger the engine runs out of memory while it loads, minutes after the start, and again after each
#   restart. Error: it fails even at best. Warning: it fails at worst.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/pull/5714
#   description: Llama 3 70B on a single GPU of 80 GB
# - ref: https://github.com/vllm-project/vllm/issues/11560
#   description: A model of 72B on one GPU
# - ref: https://github.com/vllm-project/vllm/issues/2348
#   description: Llama 2 70B on eight GPUs of 32 GB
# - ref: https://github.com/kaito-project/kaito/blob/main/website/docs/memory-estimator.md
#   description: Another project's way to compute the same
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
#   remedy: Share the weights among more GPUs with tensor_parallel_size, take GPUs with more memory, or a checkpoint of fewer bits.
#   prevents: 'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.74 GiB. GPU 0 has a total capacity of 23.57 GiB'
package ployd.rules.gpu.weights_fit

import data.ployd.lib.serving
import data.ployd.lib.text

deny contains row if {
	some server in serving.servers(input)
	server.verdict == "FAILS"
	row := _row(server, "the weights do not fit: they need")
}

warn contains row if {
	some server in serving.servers(input)
	server.verdict == "UNCERTAIN"
	row := _row(server, "the weights may not fit: they need")
}

_row(server, what) := {
	"msg": sprintf("%v %v on each %v, of which vLLM may use %v at %v %v", [
		what,
		text.between(server.estimate.gib.weights),
		server.gpu.name,
		text.between(server.estimate.gib.budget),
		serving.setting_name(server, "gpu_memory_utilization"),
		server.estimate.settings.utilization,
	]),
	"path": server.gpu.countPath,
	"remedy": _remedy(server),
	"related": text.assumptions(server),
} if {
	server.deciding == "weights"
}

_remedy(server) := text.sentence(ways) if {
	ways := array.concat(text.known_version(server), array.concat(text.split_otherwise(server), text.other_gpus(server)))
	count(ways) > 0
} else := "Take a smaller model or a checkpoint of fewer bits: no GPUs of one node that are known here hold this one."
