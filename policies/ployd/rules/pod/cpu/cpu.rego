# METADATA
# title: There are CPUs for the processes of vLLM
# description: >-
#   Each GPU has a worker process that keeps a core busy, and beside them run an API server and an engine core, for each data
#   parallel copy. Where a pod gets fewer CPUs they take turns: kernels are launched late, tokens come slowly, and GPUs that
#   cost many times as much wait. vLLM asks for physical cores; what Kubernetes counts are mostly the two threads of a core.
# related_resources:
# - ref: https://docs.vllm.ai/en/latest/configuration/optimization.html
#   description: At least 2 + N physical cores for N GPUs, twice as many vCPUs with hyper-threading
# - ref: https://github.com/vllm-project/vllm/issues/14538
#   description: The busy cores of two GPUs, one for each process, are the bottleneck
# - ref: https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#meaning-of-cpu
#   description: One CPU of Kubernetes is one vCPU or one hyper-thread
# custom:
#   severity: error
#   scope: object
#   level: full
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
#   remedy: Request two CPUs for each GPU and four beside them.
#   prevents: Tokens come slowly while GPUs wait; container_cpu_cfs_throttled_periods_total rises
package ployd.rules.pod.cpu

import data.ployd.lib.numbers
import data.ployd.lib.parameters
import data.ployd.lib.quantity
import data.ployd.lib.replica
import data.ployd.lib.serving

deny contains row if {
	some asked in _asked
	asked.amount < asked.cores
	row := _row(asked)
}

deny contains row if {
	count(_serving_gpus) > 0
	some name in ["coresBesideGPUs", "threadsPerCore"]
	value := object.get(_parameters, name, null)
	not _is_few(value)
	row := parameters.unusable("pod.cpu", name, value, "a whole number of at least 1")
}

warn contains row if {
	some asked in _asked
	asked.amount >= asked.cores
	asked.amount < asked.threads
	row := _row(asked)
}

_row(asked) := {
	"msg": sprintf("%s gets %v CPUs for %d processes that are always busy (%s); vLLM asks for %d vCPUs", [
		asked.server.owner,
		asked.written,
		asked.cores,
		_processes(asked.server),
		asked.threads,
	]),
	"path": replica.resource_path(asked.server, asked.part, "cpu"),
	"remedy": sprintf("Set %s to %d%s.", [replica.resource_name(asked.server, asked.part, "cpu"), asked.threads, _with_limit(asked)]),
}

# A request can be no higher than its limit.
_with_limit(asked) := sprintf(", and %s with it", [replica.resource_name(asked.server, "limits", "cpu")]) if {
	asked.part == "requests"
	quantity.amount(replica.resource(input, asked.server, "limits", "cpu")) < asked.threads
} else := ""

_parameters := parameters.of(input, "pod.cpu")

_beside := numbers.positive(_parameters.coresBesideGPUs) if _is_few(_parameters.coresBesideGPUs)

_per_core := numbers.positive(_parameters.threadsPerCore) if _is_few(_parameters.threadsPerCore)

_is_few(value) if {
	numbers.positive(value) >= 1
	value < 1000
}

_serving_gpus := [server |
	some server in serving.servers(input)
	server.parallel.gpus > 0
	server.gpu.count > 0
]

# What is reserved for each server, in CPUs, and what its processes take.
_asked := [asked |
	some server in _serving_gpus
	part := _part(server)
	written := replica.resource(input, server, part, "cpu")
	cores := _processes_beside(server) + server.parallel.gpus
	asked := {
		"server": server,
		"part": part,
		"written": written,
		"amount": quantity.amount(written),
		"cores": cores,
		"threads": cores * _per_core,
	}
]

# Without a request the limit is the request; without either nothing is said about it.
_part(server) := "requests" if {
	replica.resource(input, server, "requests", "cpu")
} else := "limits"

# vLLM's formula: API servers + engine cores, as many as there are copies, and a coordinator between several copies.
_processes_beside(server) := ((_beside * copies) + (_api_servers(server, copies) - copies)) + _coordinator(copies) if {
	copies := _copies(server)
}

_coordinator(1) := 0

_coordinator(copies) := 1 if copies > 1

_api_servers(server, copies) := max(array.concat([copies], [servers |
	servers := numbers.positive(serving.setting(server, "api_server_count"))
]))

# Engines of this pod.
_copies(server) := max(array.concat([1], [copies |
	name := _copies_setting(server)
	copies := numbers.positive(serving.setting(server, name))
]))

_copies_setting(server) := "data_parallel_size_local" if {
	serving.setting(server, "data_parallel_size_local") != null
} else := "data_parallel_size"

_processes(server) := sprintf("%s, %d beside", [replica.gpus(server.parallel.gpus), _processes_beside(server)])
