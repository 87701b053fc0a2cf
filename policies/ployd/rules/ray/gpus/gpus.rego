# METADATA
# title: Ray counts the GPUs that its pods have, and leaves them to vLLM
# description: >-
#   vLLM asks Ray for one GPU for each of its workers. A deployment that takes num_gpus for itself takes them away from these
#   workers, which then wait or find none. A pod that tells Ray of more GPUs than its container has gets workers it cannot
#   run. A head without GPUs of its own that lands on a node with some counts all of them, whoever they belong to.
# related_resources:
# - ref: https://github.com/ray-project/kuberay/issues/2354
#   description: Ray subtracts ray_actor_options.num_gpus from what vLLM sees; at 1 it sees none
# - ref: https://github.com/ray-project/kuberay/issues/3436
#   description: The same error on pods that had two GPUs each
# - ref: https://github.com/ray-project/kuberay/issues/2098
#   description: A head that asked for no GPU counted those of the whole node
# - ref: https://github.com/ray-project/ray/issues/36650
#   description: Ray Serve with vLLM takes the GPUs twice; leaving num_gpus out is the way round it
# - ref: https://docs.ray.io/en/latest/cluster/kubernetes/user-guides/gpu.html
#   description: Without num-gpus KubeRay takes the limit of the container; with it, that is what Ray counts
# custom:
#   severity: error
#   scope: object
#   level: basic
#   kinds: [RayService, RayCluster, RayJob]
#   remedy: Leave num_gpus out of ray_actor_options and num-gpus out of workers; write num-gpus "0" for a head without GPUs.
#   prevents: 'ValueError: Current node has no GPU available.'
package ployd.rules.ray.gpus

import data.ployd.lib.numbers
import data.ployd.lib.quantity
import data.ployd.lib.values

deny contains row if {
	some deployment in _deployments
	deployment.workers > 1
	deployment.taken > 0
	row := {
		"msg": sprintf("%s takes num_gpus %v for the actor that starts vLLM, which the %d workers of vLLM then lack", [
			deployment.name,
			deployment.taken,
			deployment.workers,
		]),
		"path": ["spec", "serveConfigV2"],
		"remedy": sprintf("Remove num_gpus from the ray_actor_options of %s: vLLM asks Ray for its %d GPUs itself.", [
			deployment.name,
			deployment.workers,
		]),
	}
}

deny contains row if {
	some group in _groups
	is_number(group.written)
	row := {
		"msg": sprintf("%s: num-gpus is the number %v; parameters of ray start are texts", [group.name, group.written]),
		"path": group.place,
		"remedy": sprintf("Write it in quotes: num-gpus: \"%v\".", [group.written]),
	}
}

deny contains row if {
	some group in _groups
	told := _count(group.written)
	told > group.gpus
	row := {
		"msg": sprintf("%s tells Ray num-gpus %d, but the limits of its container hold %d", [group.name, told, group.gpus]),
		"path": group.place,
		"remedy": _lower(group, told),
	}
}

warn contains row if {
	some group in _groups
	told := _count(group.written)
	told < group.gpus
	row := {
		"msg": sprintf("%s tells Ray of %d of the %d GPUs of its container; the others stay idle", [group.name, told, group.gpus]),
		"path": group.place,
		"remedy": sprintf("Remove num-gpus: KubeRay takes the container's limit, %d.", [group.gpus]),
	}
}

warn contains row if {
	some group in _groups
	group.head
	group.written == null
	group.gpus == 0
	count([1 | some other in _groups; other.gpus > 0]) > 0
	row := {
		"msg": "the head has no GPU of its own, but on a node with GPUs Ray counts all of them as the head's",
		"path": group.place,
		"remedy": "Write num-gpus: \"0\" in the rayStartParams of headGroupSpec.",
	}
}

_cluster_paths := {"RayCluster": ["spec"], "RayService": ["spec", "rayClusterConfig"], "RayJob": ["spec", "rayClusterSpec"]}

_judged if {
	input.request.kind.group == "ray.io"
	is_object(input.request.object)
}

_base := path if {
	_judged
	path := _cluster_paths[input.request.kind.kind]
}

_cluster := cluster if {
	cluster := object.get(input.request.object, _base, null)
	is_object(cluster)
}

# Groups of equal pods: the head, and each group of workers.
_groups contains group if {
	head := _cluster.headGroupSpec
	is_object(head)
	group := _group(head, "the head", array.concat(_base, ["headGroupSpec"]), true)
}

_groups contains group if {
	some position, worker in values.list(_cluster.workerGroupSpecs)
	is_object(worker)
	group := _group(worker, _name(worker, position), array.concat(_base, ["workerGroupSpecs", position]), false)
}

_group(value, name, path, head) := {
	"name": name,
	"head": head,
	"place": array.concat(path, ["rayStartParams", "num-gpus"]),
	"written": object.get(value, ["rayStartParams", "num-gpus"], null),
	"gpus": _gpus(value),
}

_name(worker, position) := sprintf("worker group %s", [worker.groupName]) if {
	is_string(worker.groupName)
} else := sprintf("workerGroupSpecs[%d]", [position])

# GPUs of the Ray container, which is the first, as KubeRay counts them: resources that end with gpu. Slices and shared
# GPUs it does not count, so nothing can be said of pods with them.
_gpus(value) := sum([amount | some resource, amount in _limits(value); endswith(resource, "gpu")]) if {
	count([resource | some resource, _ in _limits(value); _is_part(resource)]) == 0
}

# A million is a typing error; the two engines add up numbers beyond their precision differently.
_limits(value) := {resource: amount |
	some resource, written in _resources(value)
	amount := numbers.natural(quantity.amount(written))
	amount <= 1000000
}

_resources(value) := limits if {
	limits := value.template.spec.containers[0].resources.limits
	is_object(limits)
} else := {}

_is_part(resource) if contains(resource, "/mig-")

_is_part(resource) if contains(resource, "/gpu.")

# Digits are bounded: a number of a million digits is an attack.
_count(value) := to_number(value) if {
	is_string(value)
	regex.match(`^(0|[1-9][0-9]{0,5})$`, value)
}

_count(value) := numbers.natural(value) if is_number(value)

_lower(group, _) := "Set num-gpus to \"0\"." if {
	group.head
	group.gpus == 0
} else := sprintf("Remove num-gpus: KubeRay takes the container's limit, %d.", [group.gpus]) if {
	group.gpus > 0
}

_lower(group, told) := sprintf("Give the container %d GPUs under limits, and leave num-gpus out.", [told]) if {
	not group.head
	group.gpus == 0
}

# Text of YAML; what is no YAML is left to Ray.
_config := config if {
	_judged
	text := input.request.object.spec.serveConfigV2
	is_string(text)
	count(text) <= 100000
	yaml.is_valid(text)
	config := yaml.unmarshal(text)
	is_object(config)
}

# Deployments that may run vLLM: the GPUs each takes for itself, and the workers that vLLM starts.
_deployments contains deployment if {
	some application in values.list(_config.applications)
	is_object(application)
	listed := values.list(object.get(application, "deployments", []))
	some entry in listed
	is_object(entry)
	_may_be_vllm(entry, listed)
	deployment := {
		"name": _entry_name(entry),
		"taken": _taken(entry),
		"workers": _workers(object.get(application, ["runtime_env", "env_vars"], {}), object.get(application, "args", {})),
	}
}

# The form of ray.serve.llm.
_deployments contains deployment if {
	some application in values.list(_config.applications)
	is_object(application)
	some entry in values.list(object.get(application, ["args", "llm_configs"], []))
	is_object(entry)
	deployment := {
		"name": _model_name(entry),
		"taken": _taken(object.get(entry, "deployment_config", {})),
		"workers": _workers({}, object.get(entry, "engine_kwargs", {})),
	}
}

_may_be_vllm(entry, _) if contains(lower(_entry_name(entry)), "llm")

_may_be_vllm(_, listed) if count(listed) == 1

_entry_name(entry) := entry.name if {
	is_string(entry.name)
} else := "the deployment"

_model_name(entry) := entry.model_loading_config.model_id if {
	is_string(entry.model_loading_config.model_id)
} else := "the model"

_taken(options) := options.ray_actor_options.num_gpus if {
	is_number(options.ray_actor_options.num_gpus)
} else := 0

_workers(environment, arguments) := _size(environment, arguments, "TENSOR") * _size(environment, arguments, "PIPELINE")

# A parallel size, by the names that samples of KubeRay and flags of vLLM have for it; 1 where none is written.
_size(environment, arguments, word) := max([size |
	some [source, name] in [
		[environment, sprintf("%s_PARALLELISM", [word])],
		[environment, sprintf("%s_PARALLEL_SIZE", [word])],
		[arguments, sprintf("%s_parallel_size", [lower(word)])],
		[arguments, sprintf("%s-parallel-size", [lower(word)])],
		[{"one": 1}, "one"],
	]
	size := _count(source[name])
	size > 0
])
