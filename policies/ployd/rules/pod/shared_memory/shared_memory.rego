# METADATA
# title: Several GPUs have shared memory to talk through
# description: >-
#   The workers of one replica exchange tensors and messages through /dev/shm. A container runtime gives a container 64 MiB
#   of it; with two GPUs or more, NCCL or vLLM's own message queue runs out of that while the engine starts, or with the
#   first large batch, and the pod restarts. An emptyDir on a disk is no way out: every message then goes through the disk.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/issues/1710
#   description: vLLM with several GPUs in a container; the segment NCCL asked for did not fit
# - ref: https://github.com/NVIDIA/nccl/issues/525
#   description: The error text, and the memory volume at /dev/shm that ends it on Kubernetes
# - ref: https://docs.vllm.ai/en/latest/deployment/k8s.html
#   description: vLLM's own manifest mounts an emptyDir with medium Memory and 2Gi
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
#   remedy: Set resources.sharedMemory, or mount an emptyDir with medium Memory at /dev/shm.
#   prevents: NCCL error ... Error while creating shared memory segment /dev/shm/nccl-... (size 9637888)
package ployd.rules.pod.shared_memory

import data.ployd.lib.parameters
import data.ployd.lib.quantity
import data.ployd.lib.replica
import data.ployd.lib.serving
import data.ployd.lib.values

deny contains row if {
	some server in _models
	_written(server) == null
	row := {
		"msg": sprintf("%d GPUs talk through /dev/shm, and sharedMemory is not set: a container runtime gives 64 MiB", [server.parallel.gpus]),
		"path": _field,
		"remedy": sprintf("Set resources.sharedMemory to %vGi: %s.", [_recommended(server), _sum(server)]),
	}
}

deny contains row if {
	some server in _models
	written := _written(server)
	written != null
	_least
	not _suffices(written)
	row := {
		"msg": sprintf("sharedMemory is %s for %d GPUs; at least %vGi is needed", [values.shown(written), server.parallel.gpus, _least]),
		"path": _field,
		"remedy": sprintf("Set resources.sharedMemory to %vGi: %s.", [_recommended(server), _sum(server)]),
	}
}

deny contains row if {
	some server in _containers
	not _mounted(server)
	row := {
		"msg": sprintf("%s uses %d GPUs without a volume at /dev/shm: a container runtime gives 64 MiB", [server.owner, server.parallel.gpus]),
		"path": array.concat(server.path, ["volumeMounts"]),
		"remedy": sprintf("Mount an emptyDir with medium: Memory and sizeLimit: %vGi at /dev/shm: %s.", [_recommended(server), _sum(server)]),
	}
}

deny contains row if {
	some server in _containers
	mount := _mounted(server)
	volume := mount.volume
	not _is_memory(volume)
	row := {
		"msg": sprintf("%s: %s at /dev/shm is no memory, so what %d GPUs exchange goes through a disk", [server.owner, mount.name, server.parallel.gpus]),
		"path": _medium_path(mount),
		"remedy": sprintf("Make it an emptyDir with medium: Memory and sizeLimit: %vGi.", [_recommended(server)]),
		"related": [{"msg": "mounted here", "path": mount.path}],
	}
}

deny contains row if {
	some server in _containers
	mount := _mounted(server)
	replica.in_memory(mount.volume)
	limit := _size_limit(mount)
	limit != null
	_least
	not _suffices(limit)
	row := {
		"msg": sprintf("%s: %s at /dev/shm holds %s for %d GPUs; at least %vGi is needed", [
			server.owner,
			mount.name,
			values.shown(limit),
			server.parallel.gpus,
			_least,
		]),
		"path": array.concat(mount.volumePath, ["emptyDir", "sizeLimit"]),
		"remedy": sprintf("Set sizeLimit to %vGi: %s.", [_recommended(server), _sum(server)]),
	}
}

deny contains row if {
	count(_servers) > 0
	some name in ["leastGi", "recommendedGi", "recommendedGiPerGPU"]
	value := object.get(_parameters, name, null)
	not _is_size(value)
	row := parameters.unusable("pod.shared_memory", name, value, "a number above 0")
}

warn contains row if {
	some server in _containers
	mount := _mounted(server)
	replica.in_memory(mount.volume)
	_size_limit(mount) == null
	row := {
		"msg": sprintf("%s: %s at /dev/shm has no sizeLimit: what it holds counts as memory of the pod, up to all of it", [server.owner, mount.name]),
		"path": array.concat(mount.volumePath, ["emptyDir", "sizeLimit"]),
		"remedy": sprintf("Set sizeLimit to %vGi: %s.", [_recommended(server), _sum(server)]),
	}
}

_parameters := parameters.of(input, "pod.shared_memory")

_least := _parameters.leastGi if _is_size(_parameters.leastGi)

# Several GPUs, and not the node's own /dev/shm.
_servers := [server |
	some server in serving.servers(input)
	server.parallel.gpus > 1
	not _uses_node(server)
]

_uses_node(server) if replica.pod(input, server).hostIPC == true

_models := [server | some server in _servers; server.kind == "ModelDeployment"]

_containers := [server | some server in _servers; server.kind != "ModelDeployment"]

_field := ["spec", "resources", "sharedMemory"]

_written(server) := object.get(replica.specification(input, server), ["resources", "sharedMemory"], null)

_mounted(server) := [mount |
	some mount in replica.mounts(input, server)
	mount.folder == "/dev/shm"
][0]

_is_memory(volume) if replica.in_memory(volume)

# The node's own, which pod security has its own rule about.
_is_memory(volume) if volume.hostPath.path == "/dev/shm"

_medium_path(mount) := array.concat(mount.volumePath, ["emptyDir", "medium"]) if {
	is_object(mount.volume.emptyDir)
} else := mount.volumePath

_size_limit(mount) := object.get(mount.volume.emptyDir, "sizeLimit", null)

_suffices(written) if quantity.amount(written) >= _least * replica.bytes_per_gib

_recommended(server) := ceil(_parameters.recommendedGi + (_parameters.recommendedGiPerGPU * server.parallel.gpus)) if {
	_is_size(_parameters.recommendedGi)
	_is_size(_parameters.recommendedGiPerGPU)
}

_sum(server) := sprintf("%vGi and %vGi for each of %d GPUs", [
	_parameters.recommendedGi,
	_parameters.recommendedGiPerGPU,
	server.parallel.gpus,
])

_is_size(value) if {
	is_number(value)
	value > 0
	value < 1000000
}
