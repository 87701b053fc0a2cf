# METADATA
# title: The limits of a canary's metrics say what they seem to say
# description: >-
#   A limit in the wrong unit either never fails or always does: success_rate above 0.995 percent passes a model that answers
#   one request in a hundred, latency_p95 below 2 milliseconds fails every model. A limit in the wrong direction promotes what
#   is worse, and one behind another limit never decides. Without any metric only time passes until every user has the new
#   model.
# related_resources:
# - ref: https://github.com/fluxcd/flagger/issues/839
#   description: A query that answers with a ratio beside a limit of 99 percent
# - ref: https://github.com/samber/awesome-prometheus-alerts/pull/366
#   description: A limit of one second written as 1 where the metric counts milliseconds
# - ref: https://docs.vllm.ai/en/latest/design/metrics.html
#   description: Latencies that vLLM measures, in seconds
# - ref: https://argoproj.github.io/argo-rollouts/features/analysis/
#   description: In Argo Rollouts a metric without a condition counts as successful
# custom:
#   severity: error
#   scope: object
#   level: basic
#   kinds: [CanaryDeployment]
#   remedy: Write rates in percent or with unit ratio, latencies in milliseconds or with unit seconds, each in its own direction.
#   prevents: 'A canary that is promoted although most requests fail, or rolled back although none does'
package ployd.rules.canary.metrics

import data.ployd.lib.canary
import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.parameters

deny contains _nothing if {
	_unmeasured
	not _parameters.required == false
}

deny contains row if {
	some metric in _metrics
	not metric.unit in metric.units
	row := {
		"msg": sprintf("%s %v is limited in %s, but it is measured in %s", [
			metric.name,
			metric.threshold,
			metric.unit,
			concat(" or ", metric.units),
		]),
		"path": _path(metric, "unit"),
		"remedy": _unit_remedy(metric),
	}
}

# 0.995 for 99.5: the most expensive of the mistakes, since everything passes.
deny contains row if {
	some metric in _metrics
	metric.name == "success_rate"
	metric.unit == "percent"
	metric.threshold > 0
	metric.threshold <= 1
	row := {
		"msg": sprintf("success_rate above %v percent passes when %v of 100 requests fail", [
			metric.threshold,
			_short(100 - metric.threshold),
		]),
		"path": _path(metric, "threshold"),
		"remedy": sprintf("Write %v, or set unit to ratio.", [_short(metric.threshold * 100)]),
	}
}

deny contains row if {
	some metric in _rates
	threshold := metric.threshold
	whole := metric.whole
	not _possible(threshold, whole)
	row := {
		"msg": sprintf("%s is outside 0 to %d", [metric.shown, metric.whole]),
		"path": _path(metric, "threshold"),
		"remedy": _range_remedy(metric),
	}
}

deny contains row if {
	some metric in _metrics
	metric.sort == "latency"
	metric.unit in metric.units
	metric.threshold <= 0
	row := {
		"msg": sprintf("no request keeps %s", [metric.shown]),
		"path": _path(metric, "threshold"),
		"remedy": "Write a limit above 0.",
	}
}

deny contains row if {
	some metric in _metrics
	metric.direction in {"above", "below"}
	metric.sort in {"rate", "latency"}
	metric.direction != metric.good
	row := {
		"msg": sprintf("%s has to stay %s %v: the worse the canary is, the better it passes", [
			metric.name,
			metric.direction,
			metric.threshold,
		]),
		"path": _path(metric, "direction"),
		"remedy": sprintf("Set direction to %s, or leave it out.", [metric.good]),
	}
}

deny contains row if {
	some [below, above] in _twins
	below.direction == "below"
	above.direction == "above"
	below.unit == above.unit
	below.relative == above.relative
	below.threshold <= above.threshold
	row := {
		"msg": sprintf("%s and %s ask the same: nothing is above %v and below %v", [
			above.name,
			below.name,
			above.threshold,
			below.threshold,
		]),
		"path": _path(below, "threshold"),
		"remedy": sprintf("Set it above %v, or lower the other.", [above.threshold]),
		"related": [{"msg": "the other limit", "path": _path(above, "threshold")}],
	}
}

deny contains row if {
	_applies
	some name in ["mostMilliseconds", "mostPercentOfStable"]
	value := object.get(_parameters, name, null)
	not numbers.positive(value)
	row := parameters.unusable("canary.metrics", name, value, "a whole number of at least 1")
}

deny contains row if {
	_applies
	value := object.get(_parameters, "leastMilliseconds", null)
	not is_object(value)
	row := parameters.unusable("canary.metrics", "leastMilliseconds", value, "a mapping from metrics to numbers")
}

warn contains _nothing if {
	_unmeasured
	_parameters.required == false
}

warn contains row if {
	some [metric, other] in _twins
	metric.position > other.position
	metric.direction == other.direction
	metric.relative == other.relative
	row := {
		"msg": sprintf("%s and %s ask the same in the same direction: only the stricter decides", [other.name, metric.name]),
		"path": _path(metric, "query"),
		"remedy": "Take one of them out.",
		"related": [{"msg": "the same query", "path": _path(other, "query")}],
	}
}

warn contains row if {
	some success in _rates
	success.name == "success_rate"
	some failure in _rates
	failure.name == "error_rate"
	_possible(success.threshold, success.whole)
	_possible(failure.threshold, failure.whole)
	left := 100 - _percent(success)

	# A hair of room for thresholds that binary fractions do not hit.
	_percent(failure) > left + 0.000001
	row := {
		"msg": sprintf("%s never fails first: success_rate already does at %v percent of errors", [failure.shown, _short(left)]),
		"path": _path(failure, "threshold"),
		"remedy": sprintf("Set error_rate to %v percent or less, or take one of the two out.", [_short(left)]),
		"related": [{"msg": "the stricter limit", "path": _path(success, "threshold")}],
	}
}

warn contains row if {
	some [faster, slower] in _ordered
	some metric in _absolute
	metric.name == faster
	some other in _absolute
	other.name == slower
	_milliseconds(metric) > _milliseconds(other)
	row := {
		"msg": sprintf("%s never fails first: %s comes before it", [metric.shown, other.shown]),
		"path": _path(metric, "threshold"),
		"remedy": sprintf("Set %s below %v milliseconds, or %s above %v.", [
			faster,
			_short(_milliseconds(other)),
			slower,
			_short(_milliseconds(metric)),
		]),
		"related": [{"msg": "the stricter limit", "path": _path(other, "threshold")}],
	}
}

warn contains row if {
	some metric in _absolute
	metric.unit == "milliseconds"
	metric.threshold > 0
	least := _least[metric.name]
	metric.threshold < least
	row := {
		"msg": sprintf("%s looks like seconds: no model answers within %v milliseconds", [metric.shown, least]),
		"path": _path(metric, "threshold"),
		"remedy": sprintf("Write %v, or set unit to seconds.", [_short(metric.threshold * 1000)]),
	}
}

warn contains row if {
	some metric in _absolute
	_milliseconds(metric) > _most
	row := {
		"msg": sprintf("%s is %s: every canary passes", [metric.shown, canary.span(ceil(_milliseconds(metric) / 1000))]),
		"path": _path(metric, "threshold"),
		"remedy": _most_remedy(metric),
	}
}

warn contains row if {
	some metric in _compared
	metric.good == "below"
	_percent(metric) > 0
	_percent(metric) <= 100
	row := {
		"msg": sprintf("%s of stable: a canary that is just as good fails half of its checks", [metric.shown]),
		"path": _path(metric, "threshold"),
		"remedy": _slower_remedy(metric),
	}
}

warn contains row if {
	some metric in _compared
	metric.good == "above"
	_percent(metric) >= 100
	row := {
		"msg": sprintf("%s of stable: a canary that is just as good fails half of its checks", [metric.shown]),
		"path": _path(metric, "threshold"),
		"remedy": sprintf("Write less than all of it, e.g. %v.", [_short(0.99 * metric.whole)]),
	}
}

warn contains row if {
	some metric in _compared
	metric.good == "below"
	_percent(metric) > _most_of_stable
	row := {
		"msg": sprintf("%s may be %v times that of stable", [metric.name, _short(_percent(metric) / 100)]),
		"path": _path(metric, "threshold"),
		"remedy": _compared_remedy(metric),
	}
}

_parameters := parameters.of(input, "canary.metrics")

_most := numbers.positive(_parameters.mostMilliseconds)

_most_of_stable := numbers.positive(_parameters.mostPercentOfStable)

_least[name] := least if {
	is_object(_parameters.leastMilliseconds)
	some name, least in _parameters.leastMilliseconds
	is_number(least)
}

_applies if kinds.is_ployd(input.request, "CanaryDeployment")

_unmeasured if {
	_applies
	count(canary.metrics(input.request)) == 0
}

_nothing := {
	"msg": "nothing is measured: only time passes until every user has the new model",
	"path": ["spec", "analysis", "metrics"],
	"remedy": "Add analysis.metrics, e.g. success_rate with threshold 99 and latency_p95 with what users accept in milliseconds.",
}

# What the schema knows each name to be; others are measured by a query of their own.
_natures := {
	"success_rate": {"sort": "rate", "good": "above"},
	"error_rate": {"sort": "rate", "good": "below"},
	"latency_p50": {"sort": "latency", "good": "below"},
	"latency_p95": {"sort": "latency", "good": "below"},
	"latency_p99": {"sort": "latency", "good": "below"},
	"ttft_p95": {"sort": "latency", "good": "below"},
	"itl_p95": {"sort": "latency", "good": "below"},
	"queue_time_p95": {"sort": "latency", "good": "below"},
}

# Of each pair, the first is at most the second in every request.
_ordered := [
	["latency_p50", "latency_p95"],
	["latency_p50", "latency_p99"],
	["latency_p95", "latency_p99"],
	["ttft_p95", "latency_p95"],
	["queue_time_p95", "ttft_p95"],
]

_metrics := [metric |
	_applies
	some position, value in canary.metrics(input.request)
	is_string(value.name)
	is_number(value.threshold)
	nature := object.get(_natures, value.name, {"sort": "own", "good": object.get(value, "direction", null)})
	relative := object.get(value, "relativeToStable", null) == true
	unit := canary.unit(value)
	is_string(unit)
	metric := {
		"name": value.name,
		"position": position,
		"threshold": value.threshold,
		"unit": unit,
		"units": _units(nature.sort, relative),
		"sort": nature.sort,
		"good": nature.good,
		"relative": relative,
		"direction": object.get(value, "direction", null),
		"query": object.get(value, "query", null),
		"whole": object.get({"ratio": 1}, unit, 100),
		"shown": trim_right(sprintf("%s %v %s", [value.name, value.threshold, _words(unit)]), " "),
	}
]

_units(_, true) := ["percent", "ratio"]

_units("rate", false) := ["percent", "ratio"]

_units("latency", false) := ["milliseconds", "seconds"]

_units("own", false) := ["", "percent", "ratio", "milliseconds", "seconds", "count"]

_words("ratio") := "as a ratio"

_words(unit) := unit if unit != "ratio"

_path(metric, field) := ["spec", "analysis", "metrics", metric.position, field]

_rates := [metric |
	some metric in _metrics
	metric.sort == "rate"
	metric.unit in metric.units
	not metric.relative
]

_absolute := [metric |
	some metric in _metrics
	metric.sort == "latency"
	metric.unit in metric.units
	not metric.relative
]

_compared := [metric |
	some metric in _metrics
	metric.relative
	metric.unit in metric.units
]

_possible(threshold, whole) if {
	threshold >= 0
	threshold <= whole
}

_percent(metric) := (metric.threshold * 100) / metric.whole

_milliseconds(metric) := metric.threshold * {"milliseconds": 1, "seconds": 1000}[metric.unit]

# Without the dust of binary fractions.
_short(value) := round(value * 1000000) / 1000000

_twins := [[metric, other] |
	some metric in _metrics
	is_string(metric.query)
	some other in _metrics
	other.position != metric.position
	other.query == metric.query
]

_unit_remedy(metric) := "Write a percentage of stable, e.g. 110, with unit percent." if metric.relative

_unit_remedy(metric) := "Set relativeToStable to true for a share of what stable shows, or write milliseconds." if {
	not metric.relative
	metric.sort == "latency"
	metric.unit in {"percent", "ratio"}
} else := sprintf("Write it in %s.", [concat(" or ", metric.units)]) if not metric.relative

_range_remedy(metric) := sprintf("Write %v, or unit percent.", [_short(metric.threshold / 100)]) if {
	metric.whole == 1
	metric.threshold > 1
	metric.threshold <= 100
} else := sprintf("Write a number from 0 to %d.", [metric.whole])

_most_remedy(metric) := sprintf("Write %v, or set unit to milliseconds.", [_short(metric.threshold / 1000)]) if {
	metric.unit == "seconds"
} else := sprintf("Set it to %d milliseconds or less.", [_most])

# 1.1 and 110 are the same thought in two units.
_slower_remedy(metric) := sprintf("Write %v, or set unit to ratio.", [_short(metric.threshold * 100)]) if {
	metric.unit == "percent"
	metric.threshold > 1
	metric.threshold <= 10
} else := sprintf("Write how much more than stable it may show, e.g. %v.", [_short(1.1 * metric.whole)])

_compared_remedy(metric) := sprintf("Set unit to percent, or write %v.", [_short(metric.threshold / 100)]) if {
	metric.unit == "ratio"
	metric.threshold > 100
	metric.threshold <= 200
} else := sprintf("Write %v or less.", [(_most_of_stable * metric.whole) / 100])
