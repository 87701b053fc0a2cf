# METADATA
# title: The strategy of a route is one that a gateway carries out
# description: >-
#   Gateways choose by weight between services, and by load inside one; none measures which of two models is faster. A
#   strategy that nothing carries out becomes whatever the gateway does by itself. A price that is missing counts as none, and a
#   weight that the strategy does not look at was reviewed for nothing.
# related_resources:
# - ref: https://gateway.envoyproxy.io/docs/tasks/traffic/load-balancing/
#   description: "What balances the load inside one backend: round robin, random, least request, consistent hash"
# - ref: https://github.com/envoyproxy/gateway/issues/9775
#   description: Weights of backends are ignored, without a word, where the load balancer does not look at them
# - ref: https://gateway-api.sigs.k8s.io/reference/spec/#httpbackendref
#   description: A route chooses between backends by weight, and by nothing else
# custom:
#   severity: error
#   scope: object
#   level: basic
#   kinds: [GatewayRoute]
#   remedy: Use weighted_round_robin between models; give each backend costPerMillionTokens for cost_optimized.
#   prevents: Another split of the requests than the one that was reviewed, and no error
package ployd.rules.route.strategy

import data.ployd.lib.kinds
import data.ployd.lib.values

deny contains row if {
	_strategy == "latency_based"
	count(_services) > 1
	row := {
		"msg": sprintf("latency_based cannot choose between %d models (%s): gateways compare the pods of one service only", [
			count(_services),
			concat(", ", [_called(position) | some position, _ in _models]),
		]),
		"path": ["spec", "routing", "strategy"],
		"remedy": sprintf("Write weighted_round_robin with weights such as %s.", [_even]),
	}
}

deny contains row if {
	_strategy == "cost_optimized"
	some position, model in _models
	price := object.get(model, "costPerMillionTokens", null)
	not _is_price(price)
	row := {
		"msg": sprintf("cost_optimized compares prices, but costPerMillionTokens of %s is %s", [_called(position), values.shown(price)]),
		"path": ["spec", "models", position, "costPerMillionTokens"],
		"remedy": sprintf("Set costPerMillionTokens of %s to its price of a million tokens.", [_called(position)]),
	}
}

warn contains row if {
	_strategy == "latency_based"
	count(_services) == 1
	some service in _services
	row := {
		"msg": sprintf("latency_based is an approximation: the gateway picks the pod of %s with the fewest requests", [service]),
		"path": ["spec", "routing", "strategy"],
		"remedy": "Write least_request, which is what happens.",
	}
}

# The weight of a lone backend changes nothing under any strategy.
warn contains row if {
	_strategy in {"least_request", "latency_based", "cost_optimized"}
	count(_models) > 1
	count(_weighted) > 0
	row := {
		"msg": sprintf("%s looks at no weight, so %s is ignored", [
			_strategy,
			concat(" and ", [sprintf("%v for %s", [_models[position].weight, _called(position)]) | some position in _weighted]),
		]),
		"path": ["spec", "models", _weighted[0], "weight"],
		"remedy": "Remove the weights, or write weighted_round_robin.",
		"related": [{"msg": "the strategy", "path": ["spec", "routing", "strategy"]}],
	}
}

_strategy := input.request.object.spec.routing.strategy if kinds.is_ployd(input.request, "GatewayRoute")

_models[position] := model if {
	some position, model in values.list(input.request.object.spec.models)
	is_object(model)
}

_services contains model.service if {
	some model in _models
	is_string(model.service)
}

_is_price(value) if {
	is_number(value)
	value >= 0
}

_weighted := [position |
	some position, model in _models
	object.get(model, "weight", null) != null
]

# An even split that sums to 100: the first takes what is left over.
_even := concat(" + ", [format_int(share, 10) |
	some position, _ in [model | some model in _models]
	share := _share(position, count(_models))
])

_share(0, models) := 100 - ((models - 1) * floor(100 / models))

_share(position, models) := floor(100 / models) if position > 0

_called(position) := _models[position].name if {
	is_string(_models[position].name)
} else := sprintf("model %d", [position])
