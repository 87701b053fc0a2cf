# METADATA
# title: A metric relative to the stable model is measured where the stable model still has traffic
# description: >-
#   A threshold relative to stable compares the two models at the same time. The last weight is a weight like the others:
#   its checks have to pass before the promotion. At 100 percent the stable model gets no request, so such a metric has no
#   answer there; the canary holds every user and both models' GPUs and is never promoted. Above half, the side that is
#   compared with is the smaller one, and its noise decides.
# related_resources:
# - ref: https://spinnaker.io/guides/user/canary/best-practices
#   description: A baseline of the same size, with the same type and amount of traffic as the canary
# - ref: https://github.com/argoproj/argo-rollouts/issues/1466
#   description: Where a query has no result the analysis run ends with an error and the rollout is aborted
# custom:
#   severity: error
#   scope: object
#   level: basic
#   kinds: [CanaryDeployment]
#   remedy: End at half of the traffic or below (maxWeight 50); the promotion itself gives the canary the rest.
#   prevents: >-
#     Metric "success-rate" assessed Error due to consecutiveErrors (5) > consecutiveErrorLimit (4):
#     "Error Message: reflect: slice index out of range"
package ployd.rules.canary.baseline

import data.ployd.lib.canary
import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.parameters
import data.ployd.lib.values

deny contains row if {
	_end == 100
	count(_relative) > 0
	row := {
		"msg": sprintf("the last weight is 100: stable gets no request there, so %s relative to it has no value", [_names]),
		"path": _end_path,
		"remedy": _remedy,
		"related": _related,
	}
}

deny contains row if {
	_applies
	count(_relative) > 0
	value := object.get(_parameters, "highestWeight", null)
	not numbers.positive(value)
	row := parameters.unusable("canary.baseline", "highestWeight", value, "a whole number of at least 1")
}

warn contains row if {
	_end < 100
	_end > _highest
	count(_relative) > 0
	row := {
		"msg": sprintf("at %d percent stable gets %d: %s is compared with the smaller side", [_end, 100 - _end, _names]),
		"path": _end_path,
		"remedy": _remedy,
		"related": _related,
	}
}

_parameters := parameters.of(input, "canary.baseline")

_highest := numbers.positive(_parameters.highestWeight)

_applies if kinds.is_ployd(input.request, "CanaryDeployment")

_relative := [{"name": metric.name, "position": position} |
	some position, metric in values.list(input.request.object.spec.analysis.metrics)
	metric.relativeToStable == true
	is_string(metric.name)
]

_names := concat(" and ", [metric.name | some metric in _relative])

_related := [{"msg": sprintf("%s is relative", [metric.name]), "path": _metric_path(metric)} | some metric in _relative]

_metric_path(metric) := ["spec", "analysis", "metrics", metric.position, "relativeToStable"]

_traffic := canary.section(input.request, "traffic") if _applies

_steps := canary.steps(input.request) if _applies

# Where the last checks are made: at the last step, else at maxWeight.
_end := numbers.natural(_steps[count(_steps) - 1].weight) if {
	count(_steps) > 0
} else := numbers.natural(_traffic.maxWeight) if count(_steps) == 0

_end_path := ["spec", "traffic", "steps", count(_steps) - 1, "weight"] if {
	count(_steps) > 0
} else := ["spec", "traffic", "maxWeight"]

_remedy := sprintf(
	"Take the steps above %d out and set maxWeight to %d: the promotion itself gives the canary the rest. Or limit %s absolutely.",
	[_best, _best, _names],
) if {
	count(_steps) > 0
	_best > 0
} else := sprintf("Set maxWeight to %d: the promotion itself gives the canary the rest. Or limit %s absolutely.", [_best, _names]) if {
	_best > 0
} else := sprintf("Start lower and end at half of the traffic or below: the promotion itself gives the canary the rest. Or limit %s absolutely.", [_names])

# The highest weight on the way at which the stable side is still large enough; 0 where there is none.
_best := max({0} | {weight |
	some step in _steps
	weight := numbers.positive(step.weight)
	weight <= _highest
}) if {
	count(_steps) > 0
} else := _start + (floor((_highest - _start) / _step) * _step) if {
	_start <= _highest
} else := 0

_start := numbers.natural(_traffic.canaryWeight)

_step := numbers.positive(_traffic.stepWeight)
