# METADATA
# title: A part of the GPU's memory stays free
# description: >-
#   gpu_memory_utilization is the share of a GPU that vLLM fills with weights and cache. CUDA graphs, the sampler's
#   warm-up, libraries and the driver take from the rest, so a share close to 1 passes every check and fails while the
#   engine warms up, or days later under load. How close is too close is data.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/issues/14452
#   description: The failure while the sampler warms up, word for word
# - ref: https://github.com/vllm-project/vllm/issues/17939
#   description: The same with 256 requests
# - ref: https://github.com/vllm-project/vllm/issues/15105
#   description: Two GPUs filled to the brim, and 1.74 GiB missing
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
#   remedy: Set gpu_memory_utilization to a share above 0 and below 1 that leaves room, or leave it out.
#   prevents: >-
#     CUDA out of memory occurred when warming up sampler with 1024 dummy requests. Please try lowering `max_num_seqs` or
#     `gpu_memory_utilization` when initializing the engine.
package ployd.rules.gpu.memory_utilization

import data.ployd.lib.parameters
import data.ployd.lib.serving
import data.ployd.lib.text
import data.ployd.lib.values

deny contains row if {
	some server in serving.servers(input)
	share := serving.setting(server, "gpu_memory_utilization")
	not _is_share(share)
	not _is_template(share)
	name := serving.setting_name(server, "gpu_memory_utilization")
	row := {
		"msg": sprintf("%v is %v; vLLM takes a share above 0 and of at most 1", [name, values.shown(share)]),
		"path": serving.setting_path(server, "gpu_memory_utilization"),
		"remedy": sprintf("Set %v to the share of each GPU that vLLM may use, at most %v, or leave it out.", [name, _most]),
	}
}

deny contains row if {
	some server in serving.servers(input)
	serving.setting(server, "gpu_memory_utilization")
	not _most
	row := parameters.unusable("gpu.memory_utilization", "most", object.get(_parameters, "most", null), "a number above 0 and of at most 1")
}

warn contains row if {
	some server in serving.servers(input)
	share := serving.setting(server, "gpu_memory_utilization")
	_is_share(share)
	share > _most
	not _is_judged_by_memory(server)
	name := serving.setting_name(server, "gpu_memory_utilization")
	row := {
		"msg": sprintf("%v %v leaves %v for CUDA graphs and all else", [name, share, _rest(server, share)]),
		"path": serving.setting_path(server, "gpu_memory_utilization"),
		"remedy": sprintf("Set %v to at most %v.", [name, _most]),
	}
}

_parameters := parameters.of(input, "gpu.memory_utilization")

_most := _parameters.most if _is_share(_parameters.most)

_is_share(value) if {
	is_number(value)
	value > 0
	value <= 1
}

# A variable that Kubernetes or a template fills in.
_is_template(value) if {
	is_string(value)
	regex.match(`[$][({]|[{]{2}`, value)
}

# gpu.kv_cache_fits has counted what is left, and said that it is too little.
_is_judged_by_memory(server) if {
	server.verdict != "FITS"
	server.deciding == "cuda_graphs"
}

_rest(server, share) := sprintf("%v of the %v of each %v", [text.gib((1 - share) * total), text.gib(total), server.gpu.name]) if {
	total := server.gpu.memoryGiB
} else := "too little of the GPU"
