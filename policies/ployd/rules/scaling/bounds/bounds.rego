# METADATA
# title: Replicas stay within the bounds of their environment
# description: >-
#   The autoscaler is created from scaling. With minReplicas above maxReplicas the API server refuses it, so the model never
#   scales; without maxReplicas a load peak takes every free GPU. A single replica is an outage with each node that is
#   drained, for as long as the model takes to load. How many are allowed is data of the environment.
# related_resources:
# - ref: https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/autoscaling/validation/validation.go
#   description: What the API server demands of a HorizontalPodAutoscaler
# - ref: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/horizontal-pod-autoscaler-v2/
#   description: minReplicas is 1 where it is not set, and 0 only behind a feature gate
# custom:
#   severity: error
#   scope: object
#   level: basic
#   kinds: [ModelDeployment]
#   remedy: Set scaling.minReplicas no higher than scaling.maxReplicas, both within what the environment allows.
#   prevents: 'spec.maxReplicas: Invalid value: must be greater than or equal to `minReplicas`'
package ployd.rules.scaling.bounds

import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.parameters
import data.ployd.lib.values

deny contains row if {
	_applies
	not _maximum
	row := {
		"msg": sprintf("maxReplicas is %s; without a bound this model may take every GPU", [_shown("maxReplicas")]),
		"path": ["spec", "scaling", "maxReplicas"],
		"remedy": "Set scaling.maxReplicas to a whole number of at least 1.",
	}
}

deny contains row if {
	_applies
	not _minimum
	row := {
		"msg": sprintf("minReplicas is %s; it must be a whole number", [_shown("minReplicas")]),
		"path": ["spec", "scaling", "minReplicas"],
		"remedy": "Write scaling.minReplicas as a whole number, without quotes.",
	}
}

deny contains row if {
	_applies
	_minimum > _maximum
	row := {
		"msg": sprintf("minReplicas %d is more than maxReplicas %d", [_minimum, _maximum]),
		"path": ["spec", "scaling", "minReplicas"],
		"remedy": sprintf("Set minReplicas to %d or less, or maxReplicas to %d or more.", [_maximum, _minimum]),
		"related": [{"msg": "the upper bound", "path": ["spec", "scaling", "maxReplicas"]}],
	}
}

deny contains row if {
	_applies
	_maximum > _highest
	row := {
		"msg": sprintf("maxReplicas %d is more than the %d allowed here", [_maximum, _highest]),
		"path": ["spec", "scaling", "maxReplicas"],
		"remedy": sprintf("Set maxReplicas to %d or less, or have the environment's limit raised.", [_highest]),
	}
}

deny contains row if {
	_applies
	_minimum > 0
	_minimum < _lowest
	row := {
		"msg": sprintf("minReplicas %d is less than the %d demanded here", [_minimum, _lowest]),
		"path": ["spec", "scaling", "minReplicas"],
		"remedy": sprintf("Set minReplicas to %d or more.", [_lowest]),
	}
}

deny contains row if {
	_applies
	_minimum == 0
	not _parameters.scaleToZero == true
	row := {
		"msg": "minReplicas 0 lets the model go to no replica, and nothing here starts it again",
		"path": ["spec", "scaling", "minReplicas"],
		"remedy": "Set minReplicas to 1 or more, or set scaleToZero where KEDA or the like wakes models up.",
	}
}

# Who scales by hand is told; what stands there when the bounds are changed is only cut to them.
deny contains row if {
	_applies
	input.request.subResource == "scale"
	replicas := numbers.natural(_scaling.replicas)
	replicas > _maximum
	row := {
		"msg": sprintf("%d replicas are more than maxReplicas %d", [replicas, _maximum]),
		"path": ["spec", "scaling", "replicas"],
		"remedy": sprintf("Scale to %d at most, or raise maxReplicas first.", [_maximum]),
		"related": [{"msg": "the upper bound", "path": ["spec", "scaling", "maxReplicas"]}],
	}
}

deny contains row if {
	_applies
	value := object.get(_scaling, "targetGPUUtilization", null)
	value != null
	not _percentage(value)
	row := {
		"msg": sprintf("targetGPUUtilization is %s; it must be a number from 1 to 100", [values.shown(value)]),
		"path": ["spec", "scaling", "targetGPUUtilization"],
		"remedy": "Set targetGPUUtilization to a percentage from 1 to 100, or leave it out.",
	}
}

deny contains row if {
	_applies
	some name in ["minReplicas", "maxReplicas"]
	value := object.get(_parameters, name, null)
	not numbers.positive(value)
	row := parameters.unusable("scaling.bounds", name, value, "a whole number of at least 1")
}

_applies if kinds.is_ployd(input.request, "ModelDeployment")

_parameters := parameters.of(input, "scaling.bounds")

_lowest := numbers.positive(_parameters.minReplicas)

_highest := numbers.positive(_parameters.maxReplicas)

_scaling := input.request.object.spec.scaling if {
	is_object(input.request.object.spec.scaling)
} else := {}

_maximum := numbers.positive(_scaling.maxReplicas)

# Kubernetes takes 1 where nothing is said.
_minimum := 1 if {
	object.get(_scaling, "minReplicas", null) == null
} else := numbers.natural(_scaling.minReplicas)

_shown(field) := values.shown(object.get(_scaling, field, null))

_percentage(value) if {
	is_number(value)
	value >= 1
	value <= 100
}
