# METADATA
# title: The weights of a route's models sum to 100
# description: >-
#   The weights are read as percentages by people and as proportions by gateways: 90 and 20 send 82 of 100 requests to the
#   first model, and a single model of weight 10 gets everything. Nothing fails, the split is simply another than the one
#   reviewed. A fallback without a weight gets no share; every other model says its share.
# related_resources:
# - ref: https://github.com/projectcontour/contour/issues/3560
#   description: In the Gateway API a weight is no percentage; a backend gets its weight divided by the sum
# - ref: https://github.com/kubernetes-sigs/gateway-api/issues/596
#   description: A single backend gets everything, whatever its weight above 0
# custom:
#   severity: error
#   scope: object
#   level: basic
#   kinds: [GatewayRoute]
#   remedy: Give each model a whole weight from 0 to 100 so that all of them sum to 100.
#   prevents: A traffic split that no gateway rejects and nobody reviewed
package ployd.rules.route.weights_sum_100

import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.values

deny contains row if {
	_weighted
	count(_models) == 0
	row := {
		"msg": "the route names no models, so every request gets an error",
		"path": ["spec", "models"],
		"remedy": "Name at least one model with weight 100.",
	}
}

deny contains row if {
	_weighted
	some position, model in _models
	not _has_share(model)
	row := {
		"msg": sprintf("the weight of %s is %s; it must be a whole number from 0 to 100", [_called(position), _shown(model)]),
		"path": ["spec", "models", position, "weight"],
		"remedy": "Give the model its share of the requests in percent.",
	}
}

deny contains row if {
	_weighted
	count(_models) > 0
	every model in _models {
		_has_share(model)
	}
	total := sum([numbers.whole(_share(model)) | some model in _models])
	total != 100
	row := {
		"msg": sprintf("the weights of the models sum to %d, not 100: %s", [total, _listed]),
		"path": ["spec", "models"],
		"remedy": _remedy(total),
	}
}

# Other strategies choose by load, latency or price and look at no weight.
_weighted if {
	kinds.is_ployd(input.request, "GatewayRoute")
	strategy := object.get(_routing, "strategy", null)
	strategy in {null, "weighted_round_robin"}
}

_routing := input.request.object.spec.routing if {
	is_object(input.request.object.spec.routing)
} else := {}

_models := input.request.object.spec.models if {
	is_array(input.request.object.spec.models)
} else := []

_has_share(model) if _percentage(_share(model))

# Undefined where a model is no mapping, or says no weight and is not a fallback.
_share(model) := model.weight if {
	is_object(model)
	object.get(model, "weight", null) != null
}

_share(model) := 0 if {
	is_object(model)
	object.get(model, "weight", null) == null
	model.fallback == true
}

_percentage(value) if {
	numbers.natural(value)
	value <= 100
}

_called(position) := _models[position].name if {
	is_string(_models[position].name)
} else := sprintf("model %d", [position])

_shown(model) := values.shown(model.weight) if {
	is_object(model)
	object.get(model, "weight", null) != null
} else := "not set"

_listed := concat(" + ", [format_int(numbers.whole(_share(model)), 10) | some model in _models])

_remedy(total) := sprintf("Take %d away from the weights.", [total - 100]) if total > 100

_remedy(total) := sprintf("Add %d to the weights.", [100 - total]) if total < 100
