# METADATA
# title: A model at its largest costs no more than its limit
# description: >-
#   maxHourlyCost is a promise about the hour in which every replica runs. Where maxReplicas x GPUs x price is more, the promise
#   is broken by the autoscaler on the first busy day, and nobody sees it before the invoice. Prices are the operator's own
#   (prices.yaml); a limit beside a GPU without a price is checked by nobody.
# related_resources:
# - ref: https://github.com/defilantech/LLMKube/pull/1334
#   description: A GPU quota that counted the replicas of now let the autoscaler go to maxReplicas past it
# - ref: https://github.com/kubernetes/kubernetes/issues/54959
#   description: An autoscaler that adds GPU nodes adds their cost, for ten minutes and more
# custom:
#   severity: error
#   scope: object
#   level: full
#   kinds: [ModelDeployment]
#   remedy: Lower maxReplicas or gpu.count, take another GPU, or raise budget.maxHourlyCost.
#   prevents: 'An invoice above the limit that is written in the manifest'
package ployd.rules.budget.cost

import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.parameters
import data.ployd.lib.serving
import data.ployd.lib.values

deny contains row if {
	_price > _limit
	row := {
		"msg": sprintf("an hour at maxReplicas costs %v %s (%s), over budget.maxHourlyCost %v", [_price, _currency, _sum, _limit]),
		"path": ["spec", "budget", "maxHourlyCost"],
		"remedy": sprintf("%s, or set maxHourlyCost to %v or more.", [_fewer(_limit), _price]),
		"related": [{"msg": "counted with it", "path": ["spec", "scaling", "maxReplicas"]}],
	}
}

deny contains row if {
	_price > _ceiling
	row := {
		"msg": sprintf("an hour at maxReplicas costs %v %s (%s), over the %v that a model may cost here", [_price, _currency, _sum, _ceiling]),
		"path": ["spec", "scaling", "maxReplicas"],
		"remedy": sprintf("%s, or have the environment's limit raised.", [_fewer(_ceiling)]),
	}
}

deny contains row if {
	_applies
	value := object.get(_parameters, "maxHourlyCost", null)
	value != null
	not _is_amount(value)
	row := parameters.unusable("budget.cost", "maxHourlyCost", value, "a number of at least 0")
}

warn contains row if {
	_is_limited
	some server in serving.servers(input)
	not _price
	row := {
		"msg": sprintf("what this model costs is not known: there is no price for %s, so %s is not checked", [_gpu(server), _limits]),
		"path": server.gpu.path,
		"remedy": _price_remedy(server),
	}
}

_parameters := parameters.of(input, "budget.cost")

_applies if kinds.is_ployd(input.request, "ModelDeployment")

_limit := value if {
	_applies
	value := input.request.object.spec.budget.maxHourlyCost
	_is_amount(value)
}

_ceiling := _parameters.maxHourlyCost if {
	_applies
	_is_amount(_parameters.maxHourlyCost)
}

_is_amount(value) if {
	is_number(value)
	value >= 0
}

_is_limited if is_number(_limit)

_is_limited if is_number(_ceiling)

_limits := "budget.maxHourlyCost" if {
	is_number(_limit)
} else := "the environment's maxHourlyCost"

_hourly := [server.hourly |
	some server in serving.servers(input)
	is_number(server.hourly.price.max)
][0]

# In hundredths; prices are no more exact.
_price := _cents(_hourly.price.max) if _applies

_cents(value) := round(value * 100) / 100

_currency := _hourly.currency

_gpus := numbers.positive(_hourly.gpuHours.max)

_replicas := numbers.positive(input.request.object.spec.scaling.maxReplicas)

_each := round((_hourly.price.max / _gpus) * 10000) / 10000

_sum := sprintf("%s x %s x %v", [_counted(_gpus / _replicas, "GPU"), _counted(_replicas, "replica"), _each]) if {
	floor(_gpus / _replicas) * _replicas == _gpus
} else := sprintf("%s x %v", [_counted(_gpus, "GPU"), _each])

_counted(number, word) := sprintf("1 %s", [word]) if {
	number == 1
} else := sprintf("%d %ss", [number, word])

# As many replicas as the money is for.
_fewer(limit) := sprintf("Lower maxReplicas to %d", [fitting]) if {
	fitting := floor(limit / (_hourly.price.max / _replicas))
	fitting > 0
} else := "Take fewer or cheaper GPUs"

_gpu(server) := server.gpu.name if {
	server.gpu.known == true
} else := values.shown(server.gpu.written)

_price_remedy(server) := sprintf("Add the hourly price of a %s to perGpuHour in prices.yaml.", [server.gpu.name]) if {
	server.gpu.known == true
} else := sprintf("%s Then add its hourly price to perGpuHour in prices.yaml.", [server.gpu.remedy])
