# METADATA
# title: Models stay within the GPU budget of their environment
# description: >-
#   Each model may grow to maxReplicas x gpu.count GPUs. Where the sum is more than there is, autoscaling works until the
#   models peak together; then pods stay Pending, and which model waits is chance. Objects count in the order they were
#   read, so the finding is at the first model beyond the budget and at each after it. Without a declared budget the rule is silent.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/policy/resource-quotas/#resource-quota-for-extended-resources
#   description: The same bound at the API server, per namespace
# - ref: https://github.com/kserve/kserve/issues/794
#   description: What the scheduler says of a pod for which there is no GPU
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
	_self.gpus > 0
	sum_here := _self.gpusBefore + _self.gpus
	sum_here > _budget
	row := {
		"msg": sprintf("with up to %d GPUs of this model the environment's models may take %d, over its budget of %d", [
			_self.gpus,
			sum_here,
			_budget,
		]),
		"path": ["spec", "scaling", "maxReplicas"],
		"remedy": sprintf("Take %d GPUs away: lower maxReplicas or gpu.count here or of another model.", [sum_here - _budget]),
		"related": [{"msg": "GPUs of one replica", "path": ["spec", "resources", "gpu", "count"]}],
	}
}

deny contains row if {
	_applies
	value := object.get(_parameters, "gpus", null)
	value != null
	not numbers.natural(value)
	row := parameters.unusable("budget.gpus", "gpus", value, "a whole number")
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
