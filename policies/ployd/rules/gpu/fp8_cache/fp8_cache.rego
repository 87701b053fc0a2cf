# METADATA
# title: The GPU can keep keys and values in 8 bits
# description: >-
#   An fp8 KV cache halves the memory of a token, on GPUs that compute in fp8. On older ones its kernel does not compile,
#   which shows with the first request or while the engine warms up. The e5m2 form runs on some kernels of GPUs that have
#   bfloat16, and nobody promises it.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/issues/26431
#   description: The failure on an RTX 3090
# - ref: https://github.com/vllm-project/vllm/issues/3965
#   description: An A100 that ran a cache in e5m2
# - ref: https://docs.vllm.ai/en/latest/features/quantization/quantized_kvcache.html
#   description: What the cache's types are
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
#   remedy: Leave kv_cache_dtype out, or take a GPU that computes in fp8.
#   prevents: type fp8e4nv not supported in this architecture. The supported fp8 dtypes are ('fp8e4b15', 'fp8e5')
package ployd.rules.gpu.fp8_cache

import data.ployd.lib.serving
import data.ployd.lib.text

deny contains row if {
	some server in serving.servers(input)
	_is_too_old(server)
	not _may_run(server)
	row := _row(server, "needs")
}

warn contains row if {
	some server in serving.servers(input)
	_is_too_old(server)
	_may_run(server)
	row := _row(server, "is sure from")
}

# A GPU without a CUDA capability (0.0) is not judged.
_is_too_old(server) if {
	startswith(_type(server), "fp8")
	server.gpu.computeCapability > [0, 0]
	server.gpu.computeCapability < server.requires.fp8CacheCapability
}

_may_run(server) if {
	server.gpu.bf16
	_type(server) == "fp8_e5m2"
}

_type(server) := value if {
	value := serving.setting(server, "kv_cache_dtype")
	is_string(value)
}

_row(server, needs) := {
	"msg": sprintf("a KV cache in %v %v compute capability %v; %v has %v", [
		_type(server),
		needs,
		serving.capability(server.requires.fp8CacheCapability),
		server.gpu.name,
		serving.capability(server.gpu.computeCapability),
	]),
	"path": serving.setting_path(server, "kv_cache_dtype"),
	"remedy": text.sentence([
		sprintf("leave %v out", [serving.setting_name(server, "kv_cache_dtype")]),
		sprintf("take a GPU of compute capability %v or newer", [serving.capability(server.requires.fp8CacheCapability)]),
	]),
	"related": [{"msg": "the GPU", "path": server.gpu.path}],
}
