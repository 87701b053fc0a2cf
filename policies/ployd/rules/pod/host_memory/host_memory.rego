# METADATA
# title: The memory limit holds what loading the model takes
# description: >-
#   Weights pass through host memory on their way to the GPU, and the server itself, its workers and the volumes in memory
#   (/dev/shm) count against the same limit. Where it is too low the kernel kills the container in the middle of loading,
#   without a word in the log of vLLM, at each start. cpu_offload_gb and swap_space take what they say for each GPU on top.
#   How much loading takes is an estimate, so only what is surely too low is an error.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/issues/28923
#   description: A model that was killed at its memory limit while it loaded
# - ref: https://github.com/vllm-project/vllm/issues/586
#   description: Swap space of each worker and the weights fill host memory
# - ref: https://github.com/vllm-project/vllm/issues/56410
#   description: cpu_offload_gb takes at least as much host memory as it says
# - ref: https://kubernetes.io/docs/concepts/storage/volumes/#emptydir
#   description: What is written to a volume in memory counts against the memory limit
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
#   remedy: Raise the memory limit, or lower cpu_offload_gb, swap_space or the volumes in memory.
#   prevents: 'OOMKilled (exit code 137) while loading, again and again'
package ployd.rules.pod.host_memory

import data.ployd.lib.numbers
import data.ployd.lib.quantity
import data.ployd.lib.replica
import data.ployd.lib.serving

deny contains row if {
	some limited in _limited
	limited.limit < limited.surely
	server := limited.server
	row := {
		"msg": sprintf("%s is killed while it loads: its memory limit is %v, and it takes %s GiB at the very least%s", [
			server.owner,
			_written(server),
			replica.gib(limited.surely),
			_parts(_settings(server)),
		]),
		"path": replica.resource_path(server, "limits", "memory"),
		"remedy": _remedy(server),
	}
}

warn contains row if {
	some limited in _limited
	limited.limit >= limited.surely
	server := limited.server
	limited.limit < _likely(server)
	row := {
		"msg": sprintf("%s may be killed while it loads: its memory limit is %v, and it takes about %s GiB%s", [
			server.owner,
			_written(server),
			replica.gib(_likely(server)),
			_parts(array.concat(_volumes(server), _settings(server))),
		]),
		"path": replica.resource_path(server, "limits", "memory"),
		"remedy": _remedy(server),
	}
}

# Servers of which both the limit and what loading takes are known.
_limited := [{"server": server, "limit": limit, "surely": surely} |
	some server in serving.servers(input)
	is_object(server.hostMemoryGiB)
	limit := _limit(server)
	surely := _surely(server)
]

_written(server) := replica.resource(input, server, "limits", "memory")

# In GiB, as everything here.
_limit(server) := quantity.amount(_written(server)) / replica.bytes_per_gib

# Volumes may stay empty; what settings take is allocated before the first request.
_surely(server) := server.hostMemoryGiB.optimistic + _total(_settings(server))

_likely(server) := (server.hostMemoryGiB.expected + _total(_volumes(server))) + _total(_settings(server))

_volumes(server) := [{"name": "volumes in memory", "gib": gib} |
	gib := replica.memory_volumes(input, server) / replica.bytes_per_gib
	gib > 0
]

_settings(server) := [{"name": serving.setting_name(server, name), "gib": min({value * gpus, _most(server, name)})} |
	some name in ["cpu_offload_gb", "swap_space"]
	value := serving.setting(server, name)
	is_number(value)
	value > 0
	value < 1000000
	gpus := numbers.positive(server.parallel.gpus)
]

# More weights than there are cannot stay in host memory; there is no bound for what is swapped.
_most(server, "cpu_offload_gb") := server.weightsGiB * server.parallel.copies

_most(server, "swap_space") := serving.setting(server, "swap_space") * server.parallel.gpus

_total(parts) := sum([part.gib | some part in parts])

_parts([]) := ""

_parts(parts) := sprintf(", %s", [concat(", ", [sprintf("%s GiB of it for %s", [replica.gib(part.gib), part.name]) | some part in parts])]) if {
	count(parts) > 0
}

# What a slow day takes, as whole GiB.
_remedy(server) := sprintf("Set %s to %dGi: %s GiB of weights may take that much.", [
	replica.resource_name(server, "limits", "memory"),
	ceil((server.hostMemoryGiB.pessimistic + _total(_volumes(server))) + _total(_settings(server))),
	replica.gib(server.weightsGiB),
])
