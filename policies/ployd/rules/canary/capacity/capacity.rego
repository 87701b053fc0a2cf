# METADATA
# title: A canary can grow to the replicas its share of the traffic takes
# description: >-
#   Weight moves traffic, not replicas. A canary of one replica beside three gets overloaded above a third of the requests,
#   its latency rises and a good model is rolled back. Where a metric is relative to stable, the two must be loaded alike at
#   the same moment, while stable keeps all its replicas. Replicas that autoscaling may add count here: the canary is asked for
#   what it may become, not for when; new replicas load for minutes, which steps have to leave them.
# related_resources:
# - ref: https://github.com/argoproj/argo-rollouts/pull/4612
#   description: Incidents in which a canary scaled for 5% got 70% of the traffic and latency rose for every client
# - ref: https://github.com/argoproj/argo-rollouts/issues/3941
#   description: Traffic moved before the replicas were there; those that were stopped responding
# - ref: https://github.com/argoproj/argo-rollouts/issues/21
#   description: Traffic out of proportion to the canary's replicas overwhelms them
# - ref: https://spinnaker.io/guides/user/canary/best-practices
#   description: Compare deployments of the same size with the same amount of traffic
# custom:
#   severity: error
#   scope: inventory
#   level: full
#   kinds: [CanaryDeployment]
#   remedy: Raise scaling.maxReplicas of the canary's ModelDeployment, or end at a smaller weight.
#   prevents: 'A rollback for latency that too few replicas made, not the model'
package ployd.rules.canary.capacity

import data.ployd.lib.canary
import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.parameters
import data.ployd.lib.values

# Equal models do equal work: what stable's replicas carried alone, the canary's carry in proportion.
warn contains row if {
	count(_relative) == 0
	load := (_last * _stable) / (100 * _most)
	load > _overload
	row := {
		"msg": sprintf("at %d percent each replica of %s carries %v times what one of the %d stable replicas did: it has at most %d", [
			_last,
			_canary.name,
			_tenths(load),
			_stable,
			_most,
		]),
		"path": _canary_path,
		"remedy": _remedy(ceil(((_last * _stable) / 100) / _overload), floor(((100 * _most) * _overload) / _stable)),
		"related": _related,
	}
}

# Measured against stable at the same moment; beyond half of the traffic canary.baseline speaks.
warn contains row if {
	count(_relative) > 0
	load := (_highest_half * _stable) / ((100 - _highest_half) * _most)
	load > _overload
	share := (_overload * _most) / _stable
	row := {
		"msg": sprintf("at %d percent each of at most %d replicas of %s carries %v times what one of %d stable does: %s compares load", [
			_highest_half,
			_most,
			_canary.name,
			_tenths(load),
			_stable,
			concat(" and ", _relative),
		]),
		"path": _canary_path,
		"remedy": _remedy(ceil(((_highest_half * _stable) / (100 - _highest_half)) / _overload), floor((100 * share) / (1 + share))),
		"related": _related,
	}
}

warn contains row if {
	some side in ["stable", "canary"]
	model := _model(side)
	written := numbers.natural(input.request.object.spec[side].replicas)
	written > model.most
	row := {
		"msg": sprintf("%s.replicas is %d, but %s has maxReplicas %d", [side, written, model.name, model.most]),
		"path": ["spec", side, "replicas"],
		"remedy": sprintf("Set it to %d or less, or raise maxReplicas of %s to %d.", [model.most, model.name, written]),
		"related": [{"msg": "the most there may be", "path": ["spec", "scaling", "maxReplicas"], "object": model.id}],
	}
}

deny contains row if {
	_applies
	value := object.get(_parameters, "overload", null)
	not _is_factor(value)
	row := parameters.unusable("canary.capacity", "overload", value, "a number of at least 1")
}

_parameters := parameters.of(input, "canary.capacity")

_overload := _parameters.overload if _is_factor(_parameters.overload)

_is_factor(value) if {
	is_number(value)
	value >= 1
}

_applies if {
	kinds.is_ployd(input.request, "CanaryDeployment")
	input.ployd.inventory.objects
}

_canary := _model("canary")

# The canary's most: its own ModelDeployment bounds what the autoscaler adds.
_most := _canary.most

# Stable keeps what is written, or has at least the least of its ModelDeployment.
_stable := numbers.natural(written) if {
	_applies
	written := input.request.object.spec.stable.replicas
	written != null
} else := _model("stable").least

# The ModelDeployments of the canary's namespace, by name.
_deployments := environment.ModelDeployment[input.request.namespace] if {
	_applies
	environment := input.ployd.inventory.objects[input.ployd.self.environment]
}

# The ModelDeployment of one side, as the repository has it; of several of that name, the largest.
_model(side) := sort([[found.most, found] | some found in _models(side)])[count(_models(side)) - 1][1]

_models(side) := [found |
	name := input.request.object.spec[side].model
	some entry in _deployments[name]
	found := {
		"name": name,
		"id": entry.id,
		"most": numbers.positive(entry.spec.scaling.maxReplicas),
		"least": _least(entry.spec.scaling),
	}
]

_least(scaling) := 1 if {
	is_object(scaling)
	object.get(scaling, "minReplicas", null) == null
} else := numbers.natural(scaling.minReplicas)

_traffic := canary.section(input.request, "traffic") if _applies

_steps := canary.steps(input.request) if _applies

_listed contains weight if {
	some step in _steps
	weight := _percentage(step.weight)
}

# The weights that matter: the last one, and the highest at which stable still has half of the traffic.
_last := max(_listed) if {
	count(_listed) > 0
} else := _percentage(_traffic.maxWeight) if count(_steps) == 0

_highest_half := max(_small) if {
	count(_small) > 0
} else := start + (floor((min([50, _last]) - start) / each) * each) if {
	count(_steps) == 0
	start := _percentage(_traffic.canaryWeight)
	each := numbers.positive(_traffic.stepWeight)
	start <= min([50, _last])
}

_small contains weight if {
	some weight in _listed
	weight <= 50
}

_percentage(value) := numbers.natural(value) if value <= 100

_relative := [metric.name |
	some metric in values.list(input.request.object.spec.analysis.metrics)
	metric.relativeToStable == true
	is_string(metric.name)
]

_canary_path := ["spec", "canary", "replicas"] if {
	input.request.object.spec.canary.replicas
} else := ["spec", "canary", "model"]

_related := [{"msg": "the most there may be", "path": ["spec", "scaling", "maxReplicas"], "object": _canary.id}]

_remedy(replicas, weight) := sprintf("Raise maxReplicas of %s to %d, or end at %d percent.", [_canary.name, replicas, weight]) if {
	weight > 0
} else := sprintf("Raise maxReplicas of %s to %d.", [_canary.name, replicas])

_tenths(value) := round(value * 10) / 10
