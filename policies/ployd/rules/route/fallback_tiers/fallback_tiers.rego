# METADATA
# title: A fallback is asked after what it stands in for, and can be reached
# description: >-
#   Envoy Gateway has two tiers, active and fallback, so a third priority is lost. A fallback without anything before it, or
#   asked before it, is no fallback. And one that is in order still gets nothing where failed requests are not tried again
#   and nobody notices that the first tier fails.
# related_resources:
# - ref: https://github.com/envoyproxy/gateway/issues/5442
#   description: Envoy Gateway supports two levels of backend priorities, active and passive
# - ref: https://github.com/envoyproxy/gateway/issues/10007
#   description: No way to express primary, secondary, tertiary; the fallback is a single flag
# - ref: https://github.com/envoyproxy/gateway/issues/5813
#   description: Failover requires the health check feature; without it Envoy goes on asking the failed backend
# - ref: https://github.com/envoyproxy/ai-gateway/pull/642
#   description: "A fallback as it works: a retry, and passive health checks with maxEjectionPercent 100"
# custom:
#   severity: error
#   scope: object
#   level: basic
#   kinds: [GatewayRoute]
#   remedy: Use two priorities, the fallback with the higher number, and set routing.retries and circuitBreaker.
#   prevents: After simulating an active app failure, Envoy continues sending requests to it
package ployd.rules.route.fallback_tiers

import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.parameters
import data.ployd.lib.values

deny contains row if {
	some position, model in _models
	priority := _priority(model)
	last := _priorities[_tiers - 1]
	priority > last
	row := {
		"msg": sprintf("%s has priority %d, a tier too many: the gateway has %d, and the priorities here are %s", [
			_called(position),
			priority,
			_tiers,
			concat(", ", [format_int(each, 10) | some each in _priorities]),
		]),
		"path": ["spec", "models", position, "priority"],
		"remedy": sprintf("Set it to %d, so that it shares the last tier.", [last]),
	}
}

deny contains row if {
	count(_models) > 0
	count(_primaries) == 0
	row := {
		"msg": sprintf("%s, so nothing is asked first", [_only_fallbacks]),
		"path": ["spec", "models", _foremost, "fallback"],
		"remedy": sprintf("Remove fallback from %s.", [_called(_foremost)]),
	}
}

deny contains row if {
	some position, model in _models
	_is_fallback(model)
	priority := _priority(model)
	priority < _first_tier
	row := {
		"msg": sprintf("fallback %s has priority %d and is asked before %s, which has %d", [
			_called(position),
			priority,
			_called(_primary),
			_first_tier,
		]),
		"path": ["spec", "models", position, "priority"],
		"remedy": sprintf("Set the priority of %s to %d.", [_called(position), _first_tier + 1]),
		"related": [{"msg": "asked after its fallback", "path": ["spec", "models", _primary]}],
	}
}

deny contains row if {
	count(_models) > 0
	value := object.get(_parameters, "tiers", null)
	value != null
	not numbers.positive(value)
	row := parameters.unusable("route.fallback_tiers", "tiers", value, "a whole number of at least 1")
}

# Only where it is written: an unset priority leaves it to the gateway where a fallback belongs.
warn contains row if {
	some position, model in _models
	_is_fallback(model)
	numbers.positive(model.priority) == _first_tier
	row := {
		"msg": sprintf("fallback %s has priority %d like %s, so it is asked beside it and not after it", [
			_called(position),
			_first_tier,
			_called(_primary),
		]),
		"path": ["spec", "models", position, "priority"],
		"remedy": sprintf("Set the priority of %s to %d.", [_called(position), _first_tier + 1]),
	}
}

warn contains row if {
	_stands_in
	row := {
		"msg": sprintf("%s, so a request that fails at %s gets an error and not the answer of %s", [
			_no_retry.why,
			_called(_primary),
			_behind,
		]),
		"path": _no_retry.path,
		"remedy": _no_retry.remedy,
	}
}

warn contains row if {
	_stands_in
	row := {
		"msg": sprintf("%s, so %s is asked for as long as its pods are Ready, however often they fail, and %s gets nothing", [
			_no_breaker.why,
			_called(_primary),
			_behind,
		]),
		"path": _no_breaker.path,
		"remedy": _no_breaker.remedy,
	}
}

_parameters := parameters.of(input, "route.fallback_tiers")

_tiers := numbers.positive(_parameters.tiers)

_models[position] := model if {
	kinds.is_ployd(input.request, "GatewayRoute")
	some position, model in values.list(input.request.object.spec.models)
	is_object(model)
}

_routing := input.request.object.spec.routing if {
	is_object(input.request.object.spec.routing)
} else := {}

_is_fallback(model) if model.fallback == true

# Undefined for what the schema refuses.
_priority(model) := numbers.positive(model.priority)

_priority(model) := 1 if object.get(model, "priority", null) == null

_priorities := sort({_priority(model) | some model in _models})

_primaries contains position if {
	some position, model in _models
	not _is_fallback(model)
}

_first_tier := min({_priority(_models[position]) | some position in _primaries})

# The backend that is asked first of all.
_primary := min({position |
	some position in _primaries
	_priority(_models[position]) == _first_tier
})

# Of fallbacks only: the one that comes closest to being asked first.
_foremost := min({position |
	some position, model in _models
	_priority(model) == _priorities[0]
})

_only_fallbacks := sprintf("%s is the only backend and a fallback", [_called(_foremost)]) if {
	count(_models) == 1
} else := sprintf("all %d backends are fallbacks", [count(_models)])

# Whatever gets requests only because another backend failed.
_standing_in := [_called(position) |
	some position, model in _models
	_waits(model)
]

_waits(model) if _is_fallback(model)

_waits(model) if _priority(model) > _first_tier

_behind := concat(" or ", _standing_in)

_stands_in if {
	count(_primaries) > 0
	count(_standing_in) > 0
}

_no_retry := {
	"why": sprintf("routing.retries is %s", [values.shown(retries)]),
	"path": ["spec", "routing", "retries"],
	"remedy": "Set routing.retries to 1 or 2.",
} if {
	retries := object.get(_routing, "retries", null)
	not numbers.positive(retries)
} else := {
	"why": sprintf("routing.retryOn has nothing that an answer over HTTP can be (%s)", [_retry_on_shown]),
	"path": ["spec", "routing", "retryOn"],
	"remedy": "Write retryOn: [connect-failure, refused-stream, \"503\"], or leave it out.",
} if {
	count(_retry_on) > 0
	count([failure | some failure in _retry_on; _occurs(failure)]) == 0
}

_retry_on := values.list(_routing.retryOn) if {
	_routing.retryOn
} else := []

_retry_on_shown := concat(", ", [sprintf("%v", [failure]) | some failure in _retry_on])

# Statuses of gRPC, and lists of codes or headers that a route does not have, never come with an answer over HTTP.
_occurs(failure) if {
	failure in {
		"5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "refused-stream", "retriable-4xx",
		"envoy-ratelimited", "http3-post-connect-failure",
	}
}

_occurs(failure) if {
	is_string(failure)
	regex.match(`^[1-5][0-9][0-9]$`, failure)
}

_no_breaker := {
	"why": "circuitBreaker is not set",
	"path": ["spec", "circuitBreaker"],
	"remedy": "Add circuitBreaker: {failureThreshold: 5, recoveryTimeout: 30s, maxEjectionPercent: 100}.",
} if {
	not _breaker
} else := {
	"why": "circuitBreaker.enabled is false",
	"path": ["spec", "circuitBreaker", "enabled"],
	"remedy": "Set circuitBreaker.enabled to true.",
} if {
	_breaker.enabled == false
}

_breaker := input.request.object.spec.circuitBreaker if is_object(input.request.object.spec.circuitBreaker)

_called(position) := _models[position].name if {
	is_string(_models[position].name)
} else := sprintf("model %d", [position])
