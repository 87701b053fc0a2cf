# METADATA
# title: A pod that fails is taken out of the route
# description: >-
#   A vLLM whose GPU has failed goes on answering, with 500 and at once, so least_request and retries send it more than the
#   others. The breaker takes it out. Its share is counted in whole pods: of two pods 10 percent is none, so with the
#   gateway's own share nothing is ever taken out of a model with a few pods.
# related_resources:
# - ref: https://github.com/envoyproxy/gateway/issues/8140
#   description: The share rounds down to zero for 2 to 9 replicas, which makes outlier detection ineffective
# - ref: https://github.com/envoyproxy/envoy/pull/27909
#   description: The first host is no longer an exception to the share
# - ref: https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier
#   description: How a host is found to fail, ejected and taken back
# - ref: https://gateway-api.sigs.k8s.io/geps/gep-2257/
#   description: "Durations of the Gateway API: one to four whole numbers of at most five digits"
# custom:
#   severity: error
#   scope: object
#   level: full
#   kinds: [GatewayRoute]
#   remedy: Set circuitBreaker with failureThreshold, recoveryTimeout and maxEjectionPercent 100.
#   prevents: A share of the requests gets 500 from one pod, while outlier_detection.ejections_active stays 0
package ployd.rules.route.circuit_breaker

import data.ployd.lib.duration
import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.parameters
import data.ployd.lib.values

deny contains row if {
	value := object.get(_breaker, "recoveryTimeout", null)
	value != null
	not _time(value)
	row := {
		"msg": sprintf("recoveryTimeout is %s; it must be a time above zero of up to four whole numbers with h, m, s or ms", [values.shown(value)]),
		"path": ["spec", "circuitBreaker", "recoveryTimeout"],
		"remedy": sprintf("Write it as %s.", [_rewritten(value)]),
	}
}

deny contains row if {
	_applies
	some name in ["leastPods", "gatewayPercent"]
	value := object.get(_parameters, name, null)
	value != null
	not numbers.positive(value)
	row := parameters.unusable("route.circuit_breaker", name, value, "a whole number of at least 1")
}

warn contains row if {
	_applies
	not _parameters.required == false
	not _works
	row := {
		"msg": sprintf("%s, so a pod that fails keeps its share of the requests", [_off.why]),
		"path": _off.path,
		"remedy": _off.remedy,
	}
}

warn contains row if {
	_works
	_ejectable == 0
	row := {
		"msg": sprintf("%s: below %s no pod is ever taken out, and %s", [_percent_shown, _pods_needed, _pods_here]),
		"path": ["spec", "circuitBreaker", "maxEjectionPercent"],
		"remedy": "Set maxEjectionPercent to 100.",
	}
}

warn contains row if {
	_works
	_ejectable > 0
	_percent < 100
	count(_fallbacks) > 0
	row := {
		"msg": sprintf("%s: while all pods of a backend fail, some keep their requests, and %s gets only the rest", [
			_percent_shown,
			concat(" or ", _fallbacks),
		]),
		"path": ["spec", "circuitBreaker", "maxEjectionPercent"],
		"remedy": "Set maxEjectionPercent to 100, so that a backend that is gone is gone as a whole.",
	}
}

_parameters := parameters.of(input, "route.circuit_breaker")

_applies if kinds.is_ployd(input.request, "GatewayRoute")

_breaker := input.request.object.spec.circuitBreaker if {
	_applies
	is_object(input.request.object.spec.circuitBreaker)
}

_works if object.get(_breaker, "enabled", true) != false

_off := {
	"why": "circuitBreaker.enabled is false",
	"path": ["spec", "circuitBreaker", "enabled"],
	"remedy": "Set circuitBreaker.enabled to true.",
} if {
	_breaker.enabled == false
} else := {
	"why": "circuitBreaker is not set",
	"path": ["spec", "circuitBreaker"],
	"remedy": "Add circuitBreaker: {failureThreshold: 5, recoveryTimeout: 30s, maxEjectionPercent: 100}.",
}

_percent := numbers.natural(_breaker.maxEjectionPercent)

# The gateway's own, where the route says nothing and it is known.
_percent := numbers.positive(_parameters.gatewayPercent) if object.get(_breaker, "maxEjectionPercent", null) == null

_percent_shown := sprintf("maxEjectionPercent is %d", [_percent]) if {
	object.get(_breaker, "maxEjectionPercent", null) != null
} else := sprintf("maxEjectionPercent is not set and the gateway's own is %d", [_percent])

# Of the fewest pods a backend has here.
_ejectable := floor((_least_pods * _percent) / 100)

_least_pods := numbers.positive(_parameters.leastPods)

_pods_needed := sprintf("%d pods", [ceil(100 / _percent)]) if {
	_percent > 0
} else := "any number of pods"

_pods_here := "a model here may have 1" if {
	_least_pods == 1
} else := sprintf("a model here may have %d", [_least_pods])

_fallbacks := [model.name |
	some model in values.list(input.request.object.spec.models)
	model.fallback == true
	is_string(model.name)
]

_time(value) if {
	is_string(value)
	regex.match(`^([0-9]{1,5}(h|m|s|ms)){1,4}$`, value)
	duration.seconds(value) > 0
}

_rewritten(value) := sprintf("%dms", [thousandths]) if {
	thousandths := round(duration.seconds(value) * 1000)
	thousandths > 0
	thousandths < 100000
} else := sprintf("%ds", [whole]) if {
	whole := round(duration.seconds(value))
	whole > 0
	whole < 100000
} else := "30s"
