# METADATA
# title: The parallel sizes of vLLM multiply to the GPUs of one replica
# description: >-
#   vLLM starts one worker for each GPU: tensor x pipeline x prefill context x local data parallel size. With fewer GPUs
#   in the pod the engine stops while it starts and the pod restarts for ever; with more, GPUs are paid for and idle.
#   Of a ModelDeployment an unset tensor_parallel_size is set to resources.gpu.count by the platform; in a pod it is 1.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/blob/main/vllm/config/parallel.py
#   description: vLLM compares the world size with the GPUs it sees
# - ref: https://github.com/vllm-project/vllm/pull/30140
#   description: The words vLLM says it in
# - ref: https://github.com/vllm-project/vllm/issues/15217
#   description: The same failure in older words
# - ref: https://docs.vllm.ai/en/latest/serving/data_parallel_deployment.html
#   description: Four data parallel ranks of tensor parallel size 2 need 8 GPUs
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
#   remedy: Set tensor_parallel_size to the GPUs of one replica divided by the other parallel sizes.
#   prevents: World size (N) is larger than the number of available GPUs (M) in this node.
package ployd.rules.gpu.tensor_parallel

import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.serving
import data.ployd.lib.text
import data.ployd.lib.values

deny contains row if {
	_applies
	some field in _fields
	value := _vllm[field]
	value != null
	not numbers.positive(value)
	row := {
		"msg": sprintf("%s is %s; vLLM takes whole numbers of at least 1", [field, values.shown(value)]),
		"path": ["spec", "model", "vllm", field],
		"remedy": sprintf("Write %s as a whole number of at least 1, without quotes.", [field]),
	}
}

deny contains row if {
	_applies
	some field in _fields
	_is_set(field)
	not _gpus
	row := {
		"msg": sprintf("%s is set, but resources.gpu.count is not a whole number of at least 1", [field]),
		"path": ["spec", "resources", "gpu", "count"],
		"remedy": "Set resources.gpu.count to the GPUs of one replica.",
	}
}

deny contains row if {
	_applies
	_needed > _gpus
	row := {
		"msg": sprintf("vLLM needs %d GPUs (%s), but resources.gpu.count is %d", [_needed, _product, _gpus]),
		"path": _path,
		"remedy": _remedy,
		"related": [{"msg": "the GPUs of one replica", "path": ["spec", "resources", "gpu", "count"]}],
	}
}

# In a pod, too: what the command line needs, and what the container gets.
deny contains row if {
	some server in _pods
	server.parallel.gpus > server.gpu.count
	row := {
		"msg": sprintf("%s: vLLM needs %v (%s), but the container gets %d", [
			server.owner,
			text.gpus(server.parallel.gpus),
			_written(server),
			server.gpu.count,
		]),
		"path": serving.setting_path(server, "tensor_parallel_size"),
		"remedy": _pod_remedy(server),
		"related": [{"msg": "the GPUs of the container", "path": server.gpu.countPath}],
	}
}

warn contains row if {
	_applies
	_needed < _gpus
	row := {
		"msg": sprintf("%d of %d GPUs stay idle: vLLM uses %d (%s)", [_gpus - _needed, _gpus, _needed, _product]),
		"path": _path,
		"remedy": _remedy,
		"related": [{"msg": "the GPUs of one replica", "path": ["spec", "resources", "gpu", "count"]}],
	}
}

warn contains row if {
	some server in _pods
	server.parallel.gpus < server.gpu.count
	row := {
		"msg": sprintf("%s: %d of %d GPUs stay idle: vLLM uses %d (%s)", [
			server.owner,
			server.gpu.count - server.parallel.gpus,
			server.gpu.count,
			server.parallel.gpus,
			_written(server),
		]),
		"path": serving.setting_path(server, "tensor_parallel_size"),
		"remedy": _pod_remedy(server),
		"related": [{"msg": "the GPUs of the container", "path": server.gpu.countPath}],
	}
}

_fields := {
	"tensor_parallel_size",
	"pipeline_parallel_size",
	"prefill_context_parallel_size",
	"data_parallel_size",
	"data_parallel_size_local",
}

_applies if {
	kinds.is_ployd(input.request, "ModelDeployment")
	_vllm
}

_vllm := section if {
	section := input.request.object.spec.model.vllm
	is_object(section)
}

_gpus := numbers.positive(input.request.object.spec.resources.gpu.count)

_is_set(field) if object.get(_vllm, field, null) != null

# Size of a field that multiplies; undefined where it is set to something vLLM does not take.
_size(field) := numbers.positive(_vllm[field])

_size(field) := 1 if {
	field != "tensor_parallel_size"
	not _is_set(field)
}

_size("tensor_parallel_size") := _gpus if not _is_set("tensor_parallel_size")

# Only the data parallel ranks of this pod need its GPUs; vLLM takes all of them for local where nothing else is said.
_data_parallel := "data_parallel_size_local" if {
	_is_set("data_parallel_size_local")
} else := "data_parallel_size"

_others := (_size("pipeline_parallel_size") * _size("prefill_context_parallel_size")) * _size(_data_parallel)

_needed := _size("tensor_parallel_size") * _others

_multiplying := ["tensor_parallel_size", "pipeline_parallel_size", "prefill_context_parallel_size", _data_parallel]

_product := concat(" x ", [sprintf("%s %d", [field, _size(field)]) |
	some field in _multiplying
	_matters(field)
])

_matters("tensor_parallel_size") := true

_matters(field) if _size(field) > 1

_path := ["spec", "model", "vllm", "tensor_parallel_size"] if {
	_is_set("tensor_parallel_size")
} else := ["spec", "model", "vllm"]

_remedy := sprintf("Set tensor_parallel_size to %d or resources.gpu.count to %d.", [_fitting, _needed]) if {
	_is_set("tensor_parallel_size")
} else := sprintf("Set tensor_parallel_size to %d; unset, it becomes resources.gpu.count.", [_fitting])

# No tensor parallel size fits: the other sizes alone do not divide the GPUs.
_remedy := sprintf("Set resources.gpu.count to %d.", [_needed]) if {
	not _fitting
	_is_set("tensor_parallel_size")
}

_remedy := sprintf("Set tensor_parallel_size, and resources.gpu.count to %d times that.", [_others]) if {
	not _fitting
	not _is_set("tensor_parallel_size")
}

_fitting := _gpus / _others if _gpus % _others == 0

# Servers whose workers are all in the pod. Ray, several nodes and ranks that are started one by one are not.
_pods contains server if {
	some server in serving.servers(input)
	server.kind != "ModelDeployment"
	server.gpu.count > 0
	not server.settings.nnodes
	not server.settings.data_parallel_rank
	backend := object.get(server.settings, ["distributed_executor_backend", "value"], "")
	not backend in {"ray", "external_launcher"}
	every field in _fields {
		_is_read(server, field)
	}
}

# A size that a variable fills in cannot be compared.
_is_read(server, field) if not server.settings[field]

_is_read(server, field) if numbers.positive(server.settings[field].value)

_written(server) := concat(" x ", [sprintf("%s %d", [serving.setting_name(server, field), size]) |
	some field in ["tensor_parallel_size", "pipeline_parallel_size", "prefill_context_parallel_size", _copies(server)]
	size := object.get(server.settings, [field, "value"], 1)
	_counts(field, size)
])

_copies(server) := "data_parallel_size_local" if {
	server.settings.data_parallel_size_local
} else := "data_parallel_size"

_counts("tensor_parallel_size", _) := true

_counts(_, size) if size > 1

# As messages call what the pod asks for: nvidia.com/gpu, or a slice of one.
_resource(server) := server.gpu.countPath[count(server.gpu.countPath) - 1]

_pod_remedy(server) := sprintf("Set %s to %d or %v to %d.", [
	serving.setting_name(server, "tensor_parallel_size"),
	server.gpu.count / others,
	_resource(server),
	server.parallel.gpus,
]) if {
	others := server.parallel.gpus / server.parallel.tensor
	server.gpu.count % others == 0
} else := sprintf("Set %v to %d.", [_resource(server), server.parallel.gpus])
