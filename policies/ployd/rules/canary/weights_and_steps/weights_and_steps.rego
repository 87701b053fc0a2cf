# METADATA
# title: The weights and steps of a canary lead to its end
# description: >-
#   A canary starts at canaryWeight and grows by stepWeight each interval until maxWeight. With a step of 0, or a start above
#   the end, it never ends and keeps its GPUs; with steps that go back, traffic returns to the old model while the analysis
#   still counts; with an interval that cannot be read, the controller stops at the first step.
# related_resources:
# - ref: https://docs.flagger.app/usage/deployment-strategies
#   description: The same fields in Flagger; a promotion takes at least interval x (maxWeight / stepWeight)
# - ref: https://pkg.go.dev/time#ParseDuration
#   description: How durations are written and read
# custom:
#   severity: error
#   scope: object
#   level: basic
#   kinds: [CanaryDeployment]
#   remedy: Keep canaryWeight <= maxWeight <= 100 and a stepWeight that divides the way between them, or rising steps that end at maxWeight.
#   prevents: A canary that stays Progressing for ever and holds two models' worth of GPUs
package ployd.rules.canary.weights_and_steps

import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.values

deny contains row if {
	_applies
	some field in _weights_needed
	value := object.get(_traffic, field, null)
	not _percentage(value)
	row := {
		"msg": sprintf("%s is %s; it must be a whole number from 0 to 100", [field, values.shown(value)]),
		"path": ["spec", "traffic", field],
		"remedy": sprintf("Write %s as a percentage of the requests.", [field]),
	}
}

deny contains row if {
	_applies
	_start > _end
	row := {
		"msg": sprintf("canaryWeight %d is more than maxWeight %d", [_start, _end]),
		"path": ["spec", "traffic", "canaryWeight"],
		"remedy": sprintf("Set canaryWeight to %d or less, or maxWeight to %d or more.", [_end, _start]),
		"related": [{"msg": "where it shall end", "path": ["spec", "traffic", "maxWeight"]}],
	}
}

deny contains row if {
	_applies
	_end == 0
	row := {
		"msg": "maxWeight is 0, so the canary never gets a request and nothing can be analysed",
		"path": ["spec", "traffic", "maxWeight"],
		"remedy": "Set maxWeight to the share at which the canary shall be judged.",
	}
}

deny contains row if {
	_applies
	not _has_steps
	_step == 0
	row := {
		"msg": sprintf("stepWeight is 0, so the canary stays at %d and never reaches %d", [_start, _end]),
		"path": ["spec", "traffic", "stepWeight"],
		"remedy": sprintf("Set stepWeight to a divisor of %d.", [_way]),
	}
}

deny contains row if {
	_applies
	_has_steps
	some position, step in _steps
	weight := _weight(step)
	not _percentage(weight)
	row := {
		"msg": sprintf("step %d has the weight %s; it must be a whole number from 0 to 100", [position + 1, values.shown(weight)]),
		"path": ["spec", "traffic", "steps", position],
		"remedy": "Write the share of the requests in percent.",
	}
}

deny contains row if {
	_applies
	some position, _ in _steps
	position > 0
	before := _weight(_steps[position - 1])
	_percentage(before)
	here := _weight(_steps[position])
	_percentage(here)
	here <= before
	row := {
		"msg": sprintf("step %d goes to %d, which is no more than the %d before it", [position + 1, here, before]),
		"path": ["spec", "traffic", "steps", position],
		"remedy": "Write the steps in rising order, each once.",
	}
}

deny contains row if {
	_applies
	last := _weight(_steps[count(_steps) - 1])
	_percentage(last)
	last != _end
	row := {
		"msg": sprintf("the last step goes to %d, not to maxWeight %d", [last, _end]),
		"path": ["spec", "traffic", "steps", count(_steps) - 1],
		"remedy": sprintf("End the steps at %d, or set maxWeight to %d.", [_end, last]),
		"related": [{"msg": "where it shall end", "path": ["spec", "traffic", "maxWeight"]}],
	}
}

deny contains row if {
	_applies
	_percentage(_start)
	first := _weight(_steps[0])
	_percentage(first)
	first < _start
	row := {
		"msg": sprintf("the first step goes to %d, less than the canaryWeight %d it starts from", [first, _start]),
		"path": ["spec", "traffic", "steps", 0],
		"remedy": sprintf("Start the steps at %d or more, or lower canaryWeight.", [_start]),
	}
}

deny contains row if {
	_applies
	value := object.get(_traffic, "interval", null)
	not _duration(value)
	row := {
		"msg": sprintf("interval is %s; it must be a duration above zero such as 30s, 5m or 1h30m", [values.shown(value)]),
		"path": ["spec", "traffic", "interval"],
		"remedy": "Write numbers with units: h, m, s or ms.",
	}
}

deny contains row if {
	_applies
	some position, step in _steps
	is_object(step)
	value := object.get(step, "interval", null)
	value != null
	not _duration(value)
	row := {
		"msg": sprintf("the interval of step %d is %s; it must be a duration above zero", [position + 1, values.shown(value)]),
		"path": ["spec", "traffic", "steps", position, "interval"],
		"remedy": "Write numbers with units: h, m, s or ms; or leave it out.",
	}
}

warn contains row if {
	_applies
	not _has_steps
	_step > 0
	_way > 0
	_way % _step != 0
	row := {
		"msg": sprintf("steps of %d from %d do not meet maxWeight %d: the last one is cut short", [_step, _start, _end]),
		"path": ["spec", "traffic", "stepWeight"],
		"remedy": sprintf("Set stepWeight to a divisor of %d.", [_way]),
	}
}

_applies if kinds.is_ployd(input.request, "CanaryDeployment")

_traffic := input.request.object.spec.traffic if {
	is_object(input.request.object.spec.traffic)
} else := {}

# Explicit steps take the place of stepWeight.
_steps := _traffic.steps if {
	is_array(_traffic.steps)
} else := []

_has_steps if count(_steps) > 0

_weights_needed := {"maxWeight"} if {
	_has_steps
	object.get(_traffic, "canaryWeight", null) == null
} else := {"canaryWeight", "maxWeight"} if {
	_has_steps
} else := {"canaryWeight", "maxWeight", "stepWeight"}

_start := _weight_of("canaryWeight")

_end := _weight_of("maxWeight")

_step := _weight_of("stepWeight")

_way := _end - _start

# Undefined where it is no percentage, which a rule of its own says.
_weight_of(field) := numbers.whole(_traffic[field]) if _percentage(_traffic[field])

# A step is a number, or a mapping with a weight.
_weight(step) := step if not is_object(step)

_weight(step) := object.get(step, "weight", null) if is_object(step)

_percentage(value) if {
	numbers.natural(value) >= 0
	value <= 100
}

_duration(value) if {
	is_string(value)
	regex.match(`^([0-9]{1,9}(\.[0-9]{1,9})?(h|m|s|ms)){1,4}$`, value)
	regex.match(`[1-9]`, value)
}
