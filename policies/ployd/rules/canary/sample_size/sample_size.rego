# METADATA
# title: A canary sees enough requests for its limits to be told from chance
# description: >-
#   10 percent of one request a second are 30 requests in five minutes. A model that fails one request in 50 passes a limit of
#   99 percent on 30 requests more often than not; one transient failure on a good model breaks it. To show a rate p with 95%
#   confidence even without a single failure takes ln(0.05) / ln(p) requests. A check that can never have minSamples holds
#   the canary, and the GPUs of two models, until a person looks.
# related_resources:
# - ref: https://en.wikipedia.org/wiki/Rule_of_three_(statistics)
#   description: 95% confidence about a rate of failures from n trials without one, close to 3/n
# - ref: https://spinnaker.io/guides/user/canary/best-practices
#   description: At least 50 pieces of time series data per metric, and several hours of analysis
# - ref: https://github.com/kortix-ai/suna/pull/3403
#   description: Releases aborted by error rates at almost no traffic, where one transient failure is a large share
# - ref: https://github.com/fluxcd/flagger/issues/1035
#   description: A canary without traffic fails
# - ref: https://github.com/argoproj/argo-rollouts/issues/1466
#   description: In Argo Rollouts a query without a result aborts the rollout
# custom:
#   severity: error
#   scope: object
#   level: full
#   kinds: [CanaryDeployment]
#   remedy: Set minSamples to what the strictest limit takes, and steps long or heavy enough to see as many requests.
#   prevents: A verdict on a handful of requests, by which a canary is promoted or taken back by chance, or one that waits for ever
package ployd.rules.canary.sample_size

import data.ployd.lib.canary
import data.ployd.lib.duration
import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.parameters

# Declared traffic does not bring the requests, not even in the time a check may wait for them.
deny contains row if {
	some stage in _hopeless
	waited := stage.seconds + _hold
	row := {
		"msg": sprintf("%s sees %d requests at %v a second, %d when held for %s: no check ever has the %d of minSamples", [
			stage.shown,
			_reached(stage, stage.seconds),
			_rate,
			_reached(stage, waited),
			_analysis.holdFor,
			_analysis.minSamples,
		]),
		"path": stage.path,
		"remedy": _remedy(stage),
		"related": [{"msg": "what a check needs", "path": ["spec", "analysis", "minSamples"]}],
	}
}

deny contains row if {
	_applies
	value := object.get(_parameters, "requestsPerSecond", null)
	value != null
	not _is_rate(value)
	row := parameters.unusable("canary.sample_size", "requestsPerSecond", value, "a number of at least 0.000001")
}

warn contains row if {
	_needed > _written_samples
	row := {
		"msg": sprintf("a check counts from %s on, but to show %s with 95%% confidence takes %d", [
			_shown_samples,
			_strictest,
			_needed,
		]),
		"path": ["spec", "analysis", "minSamples"],
		"remedy": sprintf("Set minSamples to %d.", [_needed]),
		"related": [{"msg": sprintf("takes %d requests", [limit.samples]), "path": limit.path} |
			some limit in _limits
			limit.samples > _written_samples
		],
	}
}

warn contains row if {
	some limit in _certain
	row := {
		"msg": sprintf("%s: a single failed request breaks it, and no number of requests shows it", [limit.shown]),
		"path": limit.path,
		"remedy": limit.remedy,
	}
}

warn contains row if {
	some stage in (_short - _hopeless)
	row := {
		"msg": sprintf("%s sees %d requests at %v a second, of the %d %s", [
			stage.shown,
			_reached(stage, stage.seconds),
			_rate,
			_target,
			_wanting,
		]),
		"path": stage.path,
		"remedy": _remedy(stage),
		"related": _wanting_place,
	}
}

_parameters := parameters.of(input, "canary.sample_size")

_rate := _parameters.requestsPerSecond if _is_rate(_parameters.requestsPerSecond)

_is_rate(value) if {
	is_number(value)
	value >= 0.000001
}

_applies if kinds.is_ployd(input.request, "CanaryDeployment")

_traffic := canary.section(input.request, "traffic")

_analysis := canary.section(input.request, "analysis")

_metrics := canary.metrics(input.request)

# The schema counts a check from one request on where nothing is written.
_written_samples := 1 if {
	_applies
	object.get(_analysis, "minSamples", null) == null
} else := numbers.positive(_analysis.minSamples) if _applies

_shown_samples := sprintf("%d requests", [_written_samples]) if {
	_written_samples > 1
} else := "1 request"

# How many requests each limit takes: with n requests, none of them against it, the limit is shown with 95% confidence
# where (1 - share)^n <= 0.05. share is what may go against it: failed requests of a rate, slower ones of a quantile.
_limits := [limit |
	some position, metric in _metrics
	share := _share(metric)
	share >= _least_share
	share <= 0.5
	limit := {
		"name": metric.name,
		"shown": _shown(metric),
		"samples": ceil(_ln_20 / _minus_ln_rest(share)),
		"path": ["spec", "analysis", "metrics", position, "threshold"],
	}
]

# The natural logarithm of 20, which is that of 1 / 0.05.
_ln_20 := 2.995732273553991

# -ln(1 - share) = 2 (z + z^3/3 + z^5/5 + ...) with z = share / (2 - share). For shares up to a half these 13 terms are exact
# to 13 digits.
_minus_ln_rest(share) := (2 * z) * sum([term |
	some exponent in _exponents
	term := product([squared | some below in _exponents; below < exponent]) / ((2 * exponent) + 1)
]) if {
	z := share / (2 - share)
	squared := z * z
}

_exponents := [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]

# Less than one request in a million: then nothing may go against the limit at all.
_least_share := 0.000001

_certain contains limit if {
	_applies
	some position, metric in _metrics
	metric.name in {"success_rate", "error_rate"}
	share := _share(metric)
	share >= 0
	share < _least_share
	limit := {
		"shown": _shown(metric),
		"path": ["spec", "analysis", "metrics", position, "threshold"],
		"remedy": _loosened[metric.name][canary.unit(metric)],
	}
}

_loosened := {
	"success_rate": {"percent": "Write a threshold below 100, e.g. 99.5.", "ratio": "Write a threshold below 1, e.g. 0.995."},
	"error_rate": {"percent": "Write a threshold above 0, e.g. 0.5.", "ratio": "Write a threshold above 0, e.g. 0.005."},
}

# A rate relative to stable says nothing about its share.
_share(metric) := (_whole[canary.unit(metric)] - metric.threshold) / _whole[canary.unit(metric)] if {
	metric.name == "success_rate"
	is_number(metric.threshold)
	not metric.relativeToStable == true
}

_share(metric) := metric.threshold / _whole[canary.unit(metric)] if {
	metric.name == "error_rate"
	is_number(metric.threshold)
	not metric.relativeToStable == true
}

_share(metric) := _slower[metric.name]

_slower := {
	"latency_p50": 0.5,
	"latency_p95": 0.05,
	"latency_p99": 0.01,
	"ttft_p95": 0.05,
	"itl_p95": 0.05,
	"queue_time_p95": 0.05,
}

_whole := {"percent": 100, "ratio": 1}

_shown(metric) := metric.name if {
	_slower[metric.name]
} else := sprintf("%s %v %s", [metric.name, metric.threshold, canary.unit(metric)])

_needed := max([limit.samples | some limit in _limits])

_strictest := concat(" and ", {limit.shown |
	some limit in _limits
	limit.samples == _needed
})

# What each step should see: enough for a check to count, and for it to mean something.
_target := max({_written_samples} | {limit.samples | some limit in _limits}) if count(_metrics) > 0

_wanting := sprintf("it takes to show %s", [_strictest]) if {
	_needed == _target
} else := "that minSamples demands"

_wanting_place := [{"msg": "takes the most requests", "path": limit.path} |
	some limit in _limits
	limit.samples == _target
] if {
	_needed == _target
} else := [{"msg": "what a check needs", "path": ["spec", "analysis", "minSamples"]}]

_hold := duration.seconds(_analysis.holdFor)

_steps := canary.steps(input.request)

# Without explicit steps the first is the lightest and all last as long.
_stages contains stage if {
	_applies
	count(_steps) == 0
	stage := _stage("the first step", _first, _traffic.interval, ["spec", "traffic", "interval"])
}

_stages contains stage if {
	_applies
	some position, step in _steps
	weight := numbers.positive(step.weight)
	path := ["spec", "traffic", "steps", position, "interval"]
	stage := _stage(sprintf("step %d", [position + 1]), weight, canary.interval(input.request, step), path)
}

_stage(name, weight, length, path) := {
	"shown": sprintf("%s (%d percent for %s)", [name, weight, length]),
	"weight": weight,
	"seconds": seconds,
	"path": path,
} if {
	weight <= 100
	seconds := duration.seconds(length)
	seconds > 0
}

# A start at 0 sees nothing by design.
_first := numbers.positive(_traffic.canaryWeight) if {
	numbers.positive(_traffic.canaryWeight)
} else := min([numbers.positive(_traffic.stepWeight), numbers.positive(_traffic.maxWeight)])

_short contains stage if {
	some stage in _stages
	_reached(stage, stage.seconds) < _target
}

_hopeless contains stage if {
	some stage in _short
	_reached(stage, stage.seconds + _hold) < numbers.positive(_analysis.minSamples)
}

_reached(stage, seconds) := floor(((seconds * _rate) * stage.weight) / 100)

_remedy(stage) := sprintf("Let it last %s or more, or give it %d percent or more.", [canary.span(_due(stage)), _heavy(stage)]) if {
	_heavy(stage) <= 100
} else := sprintf("Let it last %s or more, or begin with more weight.", [canary.span(_due(stage))])

# Seconds until it has seen enough, in whole minutes.
_due(stage) := ceil((((_target * 100) / stage.weight) / _rate) / 60) * 60

_heavy(stage) := ceil((_target * 100) / (stage.seconds * _rate))
