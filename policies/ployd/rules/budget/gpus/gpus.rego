# METADATA
# title: Models stay within the GPU budget of their environment
# description: >-
#   Each model may grow to maxReplicas x gpu.count GPUs, more while a canary asks for more replicas of it or a rollout starts
#   the new pod before the old one goes. Where the sum is more than there is, autoscaling works until the models peak together;
#   then pods stay Pending, and which model waits is chance. Objects count in the order they were read, so the finding is at
#   the first model beyond the budget and at each after it. Without a declared budget the rule is silent.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/policy/resource-quotas/#resource-quota-for-extended-resources
#   description: The same bound at the API server, per namespace
# - ref: https://github.com/kserve/kserve/issues/794
#   description: What the scheduler says of a pod for which there is no GPU
# - ref: https://github.com/defilantech/LLMKube/issues/192
#   description: A rolling update that waits for ever for a GPU that the old pod still holds
# - ref: https://github.com/argoproj/argo-rollouts/issues/2687
#   description: A canary beside its stable model on a cluster with few GPUs
# custom:
#   severity: error
#   scope: inventory
#   level: basic
#   kinds: [ModelDeployment]
#   remedy: Lower maxReplicas or gpu.count of a model of this environment, or have the budget raised.
#   prevents: '0/N nodes are available: N Insufficient nvidia.com/gpu.'
package ployd.rules.budget.gpus

import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.parameters

deny contains row if {
	_applies
	_budget
	_own > 0
	sum_here := _before + _own
	sum_here > _budget
	row := {
		"msg": sprintf("with up to %d GPUs of this model the environment's models may take %d, over its budget of %d%s", [
			_own,
			sum_here,
			_budget,
			_counting,
		]),
		"path": ["spec", "scaling", "maxReplicas"],
		"remedy": sprintf("Take %d GPUs away: lower maxReplicas or gpu.count here or of another model%s.", [sum_here - _budget, _or_canary]),
		"related": array.concat(
			[{"msg": "GPUs of one replica", "path": ["spec", "resources", "gpu", "count"]}],
			_canaries,
		),
	}
}

deny contains row if {
	_applies
	some name in ["gpus", "surge"]
	value := object.get(_parameters, name, null)
	value != null
	not numbers.natural(value)
	row := parameters.unusable("budget.gpus", name, value, "a whole number")
}

_applies if {
	kinds.is_ployd(input.request, "ModelDeployment")
	input.ployd.inventory.objects
}

_parameters := parameters.of(input, "budget.gpus")

_budget := numbers.natural(_parameters.gpus)

_self := entry if {
	models := input.ployd.inventory.objects[input.ployd.self.environment].ModelDeployment
	some entry in models[input.request.namespace][input.request.name]
	entry.id == input.ployd.self.id
}

# Replicas that a rollout of any model may have beyond maxReplicas.
_surge := numbers.natural(_parameters.surge) if {
	numbers.natural(_parameters.surge)
} else := 0

_counting := sprintf(", with %d more of each model while it is rolled out", [_surge]) if {
	_surge > 0
} else := ""

_or_canary := ", or what the canary asks for" if {
	count(_canaries) > 0
} else := ""

_own := (_self.gpus + _peak(_self, input.request.namespace, input.request.name)) + (_surge * _gpus_of_one(_self))

_before := (_self.gpusBefore + _peaks_before) + _surges_before

_models := input.ployd.inventory.objects[input.ployd.self.environment].ModelDeployment

# Replicas that canaries ask for by number, by the model's namespace and name: where each model looked at each canary,
# two hundred of them took longer than all other rules together.
_asked[place] contains asked if {
	_applies
	some namespace, names in input.ployd.inventory.objects[input.ployd.self.environment].CanaryDeployment
	some entries in names
	some canary in entries
	some side in ["stable", "canary"]
	model := canary.spec[side].model
	is_string(model)
	place := concat("/", [namespace, model])
	asked := {
		"namespace": namespace,
		"model": model,
		"replicas": numbers.natural(canary.spec[side].replicas),
		"side": side,
		"id": canary.id,
	}
}

# GPUs beyond maxReplicas while a canary runs that asks for more.
_peak(entry, namespace, name) := max({0} | {gpus |
	some asked in _asked[concat("/", [namespace, name])]
	gpus := (asked.replicas - numbers.natural(entry.spec.scaling.maxReplicas)) * _gpus_of_one(entry)
})

_peaks_before := sum([_peak(entry, place.namespace, place.model) |
	some asking in _asked
	some place in {object.filter(asked, ["namespace", "model"]) | some asked in asking}
	some entry in _models[place.namespace][place.model]
	entry.id < _self.id
])

# Only where a surge is counted: it looks at every model for each.
_surges_before := sum([gpus |
	_surge > 0
	some names in _models
	some entries in names
	some entry in entries
	entry.id < _self.id
	gpus := _surge * _gpus_of_one(entry)
])

_gpus_of_one(entry) := numbers.natural(entry.spec.resources.gpu.count) if {
	numbers.natural(entry.spec.resources.gpu.count)
} else := 0

_canaries := [{"msg": sprintf("asks for %d replicas", [asked.replicas]), "path": ["spec", asked.side, "replicas"], "object": asked.id} |
	some asked in _asked[concat("/", [input.request.namespace, input.request.name])]
	asked.replicas > numbers.natural(_self.spec.scaling.maxReplicas)
]
