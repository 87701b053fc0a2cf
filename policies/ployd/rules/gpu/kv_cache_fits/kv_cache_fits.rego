# METADATA
# title: Memory is left for one request of the full length
# description: >-
#   What weights, activations and libraries leave of a GPU is the KV cache. vLLM refuses to start unless it holds one
#   request of max_model_len, and CUDA graphs and the sampler's warm-up need memory beyond that. Error: it fails even at
#   best. Warning: it fails at worst.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/issues/2418
#   description: The failure with Llama 2 and 4096 tokens
# - ref: https://github.com/vllm-project/vllm/issues/8185
#   description: The same with a longer context
# - ref: https://github.com/vllm-project/vllm/issues/17939
#   description: Out of memory in the sampler's warm-up
# - ref: https://docs.vllm.ai/en/latest/configuration/conserving_memory.html
#   description: What takes memory, and how to take less
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
#   remedy: Set max_model_len to what is needed, share the model among more GPUs, or take GPUs with more memory.
#   prevents: >-
#     To serve at least one request with the model's max seq len (4096), (2.00 GiB KV cache is needed, which is larger than
#     the available KV cache memory (1.01 GiB). Or: CUDA out of memory occurred when warming up sampler
#     with 1024 dummy requests.
package ployd.rules.gpu.kv_cache_fits

import data.ployd.lib.serving
import data.ployd.lib.text

deny contains row if {
	some server in serving.servers(input)
	server.verdict == "FAILS"
	row := _cache(server, "but", "is left")
}

deny contains row if {
	some server in serving.servers(input)
	server.verdict == "FAILS"
	row := _graphs(server, sprintf("CUDA graphs and sampler warm-up do not fit: %v is missing", [text.between(_shortage(server))]))
}

warn contains row if {
	some server in serving.servers(input)
	server.verdict == "UNCERTAIN"
	row := _cache(server, "and", "may be left")
}

warn contains row if {
	some server in serving.servers(input)
	server.verdict == "UNCERTAIN"
	row := _graphs(server, sprintf("CUDA graphs and sampler warm-up may not fit: up to %v is missing", [text.gib(_shortage(server).pessimistic)]))
}

warn contains row if {
	some server in serving.servers(input)
	server.verdict == "UNCERTAIN"
	server.deciding == "virtual_gpu"
	row := {
		"msg": sprintf("%v is a virtual GPU: how much of its memory vLLM gets is not known, so nothing is certain", [server.gpu.name]),
		"path": server.gpu.path,
		"remedy": text.sentence(array.concat(["start it once on this profile and read the log"], text.other_gpus(server))),
		"related": text.assumptions(server),
	}
}

_cache(server, but, left) := {
	"msg": _cache_message(server, but, left),
	"path": _cache_path(server),
	"remedy": _remedy(server),
	"related": text.assumptions(server),
} if {
	server.deciding == "kv_cache"
	not _fits_itself(server)
}

# A length that vLLM itself makes fit, as long as anything is left.
_fits_itself(server) if {
	serving.setting(server, "max_model_len") in {"auto", -1}
	server.estimate.gib.kv_available.optimistic > 0
}

_cache_message(server, but, left) := sprintf("one request of %v tokens%v needs %v of KV cache on each %v, %v %v %v beside the weights", [
	text.thousands(server.estimate.settings.maxModelLen),
	_unset(server),
	text.gib(server.estimate.kv.neededGiB),
	server.gpu.name,
	but,
	text.between(server.estimate.gib.kv_available),
	left,
]) if {
	server.estimate.gib.kv_available.optimistic > 0
} else := sprintf("nothing is left for a KV cache: weights of %v and activations of %v take all %v of each %v that vLLM may use", [
	text.gib(server.estimate.gib.weights.expected),
	text.gib(server.estimate.gib.activation.expected),
	text.gib(server.estimate.gib.budget.expected),
	server.gpu.name,
])

_unset(server) := "" if {
	server.settings.max_model_len
} else := " (max_model_len is not set: all the model's context)"

_cache_path(server) := serving.setting_path(server, "max_model_len") if {
	server.remedies.maxModelLen > 0
} else := server.gpu.countPath

_shorter(server) := [sprintf("set %v to at most %v", [serving.setting_name(server, "max_model_len"), text.thousands(longest)]) |
	longest := server.remedies.maxModelLen
	longest > 0
]

_graphs(server, what) := {
	"msg": sprintf("%v on each %v, of which %v %v leaves %v", [
		what,
		server.gpu.name,
		serving.setting_name(server, "gpu_memory_utilization"),
		server.estimate.settings.utilization,
		text.gib(server.estimate.gib.visible.expected - server.estimate.gib.budget.expected),
	]),
	"path": serving.setting_path(server, "gpu_memory_utilization"),
	"remedy": text.sentence(array.concat(_lower(server), array.concat(_fewer(server), text.known_version(server)))),
	"related": text.assumptions(server),
} if {
	server.deciding == "cuda_graphs"

	# What is left of a shared GPU belongs to others; gpu.shared says so.
	not server.gpu.shared == true
}

_shortage(server) := {end: missing |
	some end, margin in server.estimate.gib.headroom
	missing := 0 - margin
}

# The share at which graphs surely fit, where the cache surely fits with it, too.
_lower(server) := [sprintf("set %v to at most %v", [serving.setting_name(server, "gpu_memory_utilization"), hundredths / 100]) |
	share := server.estimate.settings.utilization
	gib := server.estimate.gib
	hundredths := floor(100 * (share + (gib.headroom.pessimistic / gib.visible.pessimistic)))
	hundredths > 0
	taken := (share - (hundredths / 100)) * gib.visible.pessimistic
	gib.kv_available.pessimistic - taken >= server.estimate.kv.neededGiB
]

# Graphs and warm-up grow with the requests that run at once.
_fewer(server) := [sprintf("set %v below %v", [serving.setting_name(server, "max_num_seqs"), text.thousands(server.estimate.settings.maxNumSeqs)])]

_remedy(server) := text.sentence(ways) if {
	elsewhere := array.concat(text.split_otherwise(server), text.other_gpus(server))
	ways := array.concat(_shorter(server), array.concat(text.known_version(server), elsewhere))
	count(ways) > 0
} else := "Take a smaller model or a checkpoint of fewer bits: no GPUs of one node that are known here hold this one."
