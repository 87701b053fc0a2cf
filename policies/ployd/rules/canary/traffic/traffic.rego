# METADATA
# title: The route of a canary lets through what its checks are to measure
# description: >-
#   A canary sees its share of what its route lets through, and nothing else. Where the rate limit of the route lets fewer
#   requests through in a step than minSamples, the check has no answer at the end of it, and the canary holds the GPUs of
#   two models until a person looks. A latency limit beyond the timeout of the route never fails, because the route ends
#   those requests before. How many requests users send is not known here; the limit is a bound from above.
# related_resources:
# - ref: https://github.com/fluxcd/flagger/issues/1035
#   description: A canary without traffic fails
# - ref: https://github.com/argoproj/argo-rollouts/issues/1466
#   description: In Argo Rollouts a query without a result aborts the rollout
# - ref: https://github.com/defilantech/LLMKube/issues/734
#   description: Routes without a timeout are cut at 60 seconds, in the middle of the stream
# - ref: https://gateway-api.sigs.k8s.io/geps/gep-1742/
#   description: What the timeouts of a route cover
# custom:
#   severity: warning
#   scope: inventory
#   level: full
#   kinds: [CanaryDeployment]
#   remedy: Make steps long or heavy enough for minSamples at the route's rate limit, and latency limits shorter than its timeout.
#   prevents: >-
#     Halt advancement no values found for istio metric request-duration probably mhs.application is not receiving traffic;
#     or a slow model that passes, because its limit is never reached
package ployd.rules.canary.traffic

import data.ployd.lib.canary
import data.ployd.lib.duration
import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.text
import data.ployd.lib.values

warn contains row if {
	some stage in _stages
	seen := _seen(stage)
	seen < _needed
	row := {
		"msg": sprintf("%s (%d percent for %s) sees at most %d requests, since %s %d a minute through; a check needs %d", [
			stage.shown,
			stage.weight,
			stage.written,
			seen,
			_lets,
			_rpm,
			_needed,
		]),
		"path": stage.path,
		"remedy": text.sentence(_ways(stage)),
		"related": array.concat([{"msg": "what a check needs", "path": ["spec", "analysis", "minSamples"]}], _limits),
	}
}

# Longer requests end with an error at the route, so that this limit is never what fails.
warn contains row if {
	some position, metric in canary.metrics(input.request)
	metric.name in canary.latencies
	is_number(metric.threshold)
	not metric.relativeToStable == true
	unit := canary.unit(metric)
	most := _timeout.seconds * _a_second[unit]
	metric.threshold >= most
	row := {
		"msg": sprintf("%s %s %s never fails: the route %s ends requests after %s", [
			metric.name,
			values.shown(metric.threshold),
			unit,
			_timeout.name,
			canary.span(_timeout.seconds),
		]),
		"path": ["spec", "analysis", "metrics", position, "threshold"],
		"remedy": sprintf("Set it below %v %s, or raise the timeout of the route.", [most, unit]),
		"related": [{"msg": "the timeout", "path": ["spec", "routing", "timeout"], "object": _timeout.id}],
	}
}

_applies if {
	kinds.is_ployd(input.request, "CanaryDeployment")
	input.ployd.inventory.objects
}

# The routes whose weights the canary moves: the one it names, else those that name both models. What belongs to no
# environment, or says no namespace or cluster, may be meant for this one.
_routes := [route |
	_applies
	some environment in {input.ployd.self.environment, ""}
	some namespace in {input.request.namespace, ""}
	some name, entries in input.ployd.inventory.objects[environment].GatewayRoute[namespace]
	some entry in entries
	_reachable(entry)
	_moves(name, entry)
	route := {"name": name, "id": entry.id, "spec": entry.spec}
]

_reachable(entry) if entry.cluster in {input.ployd.self.cluster, ""}

_reachable(_) if input.ployd.self.cluster == ""

_names_route if is_string(input.request.object.spec.route)

_moves(name, _) if name == input.request.object.spec.route

_moves(_, entry) if {
	not _names_route
	named := {model.name | some model in values.list(entry.spec.models)}
	every side in ["stable", "canary"] {
		input.request.object.spec[side].model in named
	}
}

# What all routes let through in a minute. Undefined where one of them has no limit, or there is none.
_rpm := numbers.positive(sum([_rpm_of(route) | some route in _routes])) if {
	every route in _routes {
		_rpm_of(route)
	}
}

_rpm_of(route) := numbers.positive(route.spec.rateLimit.global.rpm) if not route.spec.rateLimit.enabled == false

_burst := sum([numbers.natural(route.spec.rateLimit.global.burst) | some route in _routes])

_lets := sprintf("route %s lets", [_names[0]]) if {
	count(_names) == 1
} else := sprintf("routes %s let", [concat(" and ", _names)])

_names := sort({route.name | some route in _routes})

_limits := [{"msg": "the rate limit", "path": ["spec", "rateLimit", "global", "rpm"], "object": route.id} | some route in _routes]

# The longest, where all of them end requests: then no request takes longer. 0s ends none, and years are as good as for ever.
_timeout := sort([{"seconds": seconds, "name": route.name, "id": route.id} |
	some route in _routes
	seconds := duration.seconds(route.spec.routing.timeout)
	seconds > 0
	seconds <= 1000000000
])[count(_routes) - 1]

_a_second := {"milliseconds": 1000, "seconds": 1}

# Requests that a check waits for. Where nothing is measured nothing waits.
_needed := numbers.positive(canary.section(input.request, "analysis").minSamples) if count(canary.metrics(input.request)) > 0

_traffic := canary.section(input.request, "traffic")

_steps := canary.steps(input.request)

# Without explicit steps the first is the lightest, and all last as long.
_parts := _steps if {
	count(_steps) > 0
} else := [{"weight": _first}]

# A start at 0 sees nothing by design.
_first := numbers.positive(_traffic.canaryWeight) if {
	numbers.positive(_traffic.canaryWeight)
} else := min([numbers.positive(_traffic.stepWeight), numbers.positive(_traffic.maxWeight)])

_stages contains stage if {
	some position, part in _parts
	weight := numbers.positive(part.weight)
	weight <= 100
	written := canary.interval(input.request, part)
	seconds := duration.seconds(written)
	seconds > 0
	stage := object.union(_place(position), {"weight": weight, "written": written, "seconds": seconds})
}

_place(position) := {
	"shown": sprintf("step %d", [position + 1]),
	"path": ["spec", "traffic", "steps", position, "interval"],
} if {
	count(_steps) > 0
} else := {"shown": "the first step", "path": ["spec", "traffic", "interval"]}

_seen(stage) := floor(((((stage.seconds * _rpm) / 60) + _burst) * stage.weight) / 100)

# Requests of both models that bring the canary as many as a check needs.
_due(stage) := ((_needed * 100) / stage.weight) - _burst

_ways(stage) := array.concat(
	[sprintf("let it last %s or more", [canary.span(ceil(_due(stage) / _rpm) * 60)])],
	array.concat(
		[sprintf("give it %d percent or more", [weight]) |
			weight := ceil((_needed * 100) / (((stage.seconds * _rpm) / 60) + _burst))
			weight <= 100
		],
		[sprintf("raise the rate limit to %d a minute%s", [rpm, _together]) | rpm := numbers.positive(ceil((_due(stage) * 60) / stage.seconds))],
	),
)

_together := " for all routes together" if {
	count(_routes) > 1
} else := ""
