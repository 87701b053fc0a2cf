# METADATA
# title: Steps of a canary last long enough to be measured, and the whole not too long
# description: >-
#   A check looks at what was scraped since its step began. Within a step shorter than two scrapes a rate has no value;
#   within one shorter than a slow request, the requests that fail late are counted at the next weight. A hold shorter than a
#   restart of Prometheus turns a gap in the graphs into the end of the run. Each hour of a canary holds the GPUs of both models.
# related_resources:
# - ref: https://github.com/fluxcd/flagger/issues/1123
#   description: With interval and scrapes both 1m the rate has no value and canaries fail
# - ref: https://github.com/cloudflare/pint/blob/main/docs/checks/promql/rate.md
#   description: A rate over less than two scrape intervals is a bug
# - ref: https://www.robustperception.io/what-range-should-i-use-with-rate
#   description: rate() needs two samples; four scrape intervals survive a scrape that fails
# - ref: https://argoproj.github.io/argo-rollouts/best-practices/
#   description: Rollouts of minutes, of an hour or two at most, are recommended
# custom:
#   severity: error
#   scope: object
#   level: full
#   kinds: [CanaryDeployment]
#   remedy: Set intervals to at least two scrape intervals and to the time a slow request takes.
#   prevents: 'Halt advancement no values found for nginx metric request-success-rate probably podinfo.test is not receiving traffic'
package ployd.rules.canary.interval

import data.ployd.lib.canary
import data.ployd.lib.duration
import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.parameters

deny contains row if {
	some interval in _intervals
	interval.seconds < _scrape
	row := {
		"msg": sprintf("%s lasts %s, less than the %s between two scrapes: its check finds nothing new", [
			interval.name,
			interval.written,
			canary.span(_scrape),
		]),
		"path": interval.path,
		"remedy": sprintf("Set it to %s or more, two scrapes.", [canary.span(2 * _scrape)]),
	}
}

deny contains row if {
	_applies
	some name in ["scrapeIntervalSeconds", "leastHoldSeconds"]
	value := object.get(_parameters, name, null)
	not numbers.positive(value)
	row := parameters.unusable("canary.interval", name, value, "a whole number of at least 1")
}

deny contains row if {
	_applies
	some name in ["requestSeconds", "longestHours"]
	value := object.get(_parameters, name, null)
	value != null
	not numbers.positive(value)
	row := parameters.unusable("canary.interval", name, value, "a whole number of at least 1")
}

warn contains row if {
	some interval in _intervals
	interval.seconds >= _scrape
	interval.seconds < 2 * _scrape
	row := {
		"msg": sprintf("%s lasts %s: with a scrape each %s it may see a single one, and a rate needs two", [
			interval.name,
			interval.written,
			canary.span(_scrape),
		]),
		"path": interval.path,
		"remedy": sprintf("Set it to %s or more, two scrapes.", [canary.span(2 * _scrape)]),
	}
}

warn contains row if {
	some interval in _intervals
	interval.seconds < _slowest.seconds
	row := {
		"msg": sprintf("%s lasts %s, less than a slow request (%s): what fails late is counted in the next step", [
			interval.name,
			interval.written,
			_slowest.shown,
		]),
		"path": interval.path,
		"remedy": sprintf("Set it to %s or more.", [canary.span(_slowest.seconds)]),
		"related": _slowest.related,
	}
}

warn contains row if {
	some interval in _shortest
	_hold < interval.seconds
	_hold < _least_hold
	row := {
		"msg": sprintf("holdFor %s is over before the next check (%s lasts %s) and before Prometheus is back from a restart", [
			_analysis.holdFor,
			interval.name,
			interval.written,
		]),
		"path": ["spec", "analysis", "holdFor"],
		"remedy": sprintf("Set holdFor to %s or more.", [canary.span(_least_hold)]),
		"related": [{"msg": "time between checks", "path": interval.path}],
	}
}

warn contains row if {
	_total > _longest * 3600
	row := {
		"msg": sprintf("the canary takes at least %s (%s), more than %s", [
			canary.span(_total),
			_parts,
			canary.span(_longest * 3600),
		]),
		"path": _total_path,
		"remedy": _total_remedy,
	}
}

_parameters := parameters.of(input, "canary.interval")

_scrape := numbers.positive(_parameters.scrapeIntervalSeconds)

_least_hold := numbers.positive(_parameters.leastHoldSeconds)

_longest := numbers.positive(_parameters.longestHours)

_applies if kinds.is_ployd(input.request, "CanaryDeployment")

_traffic := canary.section(input.request, "traffic")

_analysis := canary.section(input.request, "analysis")

_steps := canary.steps(input.request)

_has_steps if count(_steps) > 0

# Every interval that is written and used, with its place. What is no duration above zero has a rule of its own.
_intervals contains interval if {
	_applies
	_uses_common
	interval := _interval(_traffic, "each step", ["spec", "traffic", "interval"])
}

_intervals contains interval if {
	_applies
	some position, step in _steps
	interval := _interval(step, sprintf("step %d", [position + 1]), ["spec", "traffic", "steps", position, "interval"])
}

_interval(holder, name, path) := {"name": name, "written": holder.interval, "seconds": seconds, "path": path} if {
	seconds := duration.seconds(holder.interval)
	seconds > 0
}

_uses_common if not _has_steps

_uses_common if {
	some step in _steps
	object.get(step, "interval", null) == null
}

_shortest := [interval |
	some interval in _intervals
	interval.seconds == min([other.seconds | some other in _intervals])
]

_hold := duration.seconds(_analysis.holdFor)

# What an operator measured, else the limit the canary is held to.
_slowest := {"seconds": seconds, "shown": canary.span(seconds), "related": []} if {
	seconds := numbers.positive(_parameters.requestSeconds)
} else := {
	"seconds": highest.seconds,
	"shown": sprintf("%s may be %s", [highest.name, canary.span(highest.seconds)]),
	"related": [{"msg": "how long a slow request may take", "path": highest.path}],
} if {
	count(_latencies) > 0
	highest := _latencies[count(_latencies) - 1]
}

_metrics := canary.metrics(input.request)

# Absolute limits of whole requests in seconds, the longest last.
_latencies := sort([{"seconds": seconds, "name": metric.name, "path": ["spec", "analysis", "metrics", position, "threshold"]} |
	some position, metric in _metrics
	metric.name in {"latency_p50", "latency_p95", "latency_p99"}
	not metric.relativeToStable == true
	is_number(metric.threshold)
	seconds := metric.threshold / _units[canary.unit(metric)]
])

_units := {"milliseconds": 1000, "seconds": 1}

# One interval for each weight before the last, and at the last one for each check that has to pass in a row.
_total := _evaluations * duration.seconds(_traffic.interval) if not _has_steps

_total := (_before + sum(_lengths)) + ((_passes - 1) * _lengths[count(_lengths) - 1]) if {
	_has_steps
	count(_lengths) == count(_steps)
}

_evaluations := ceil((_end - _start) / _step) + _passes

_passes := numbers.positive(_analysis.successThreshold) if {
	count(_metrics) > 0
} else := 1

_start := numbers.natural(_traffic.canaryWeight)

_end := numbers.natural(_traffic.maxWeight)

_step := numbers.positive(_traffic.stepWeight)

_lengths := [seconds |
	some step in _steps
	seconds := duration.seconds(canary.interval(input.request, step))
]

# A start below the first step is a weight of its own.
_before := duration.seconds(_traffic.interval) if {
	_start > 0
	_start < numbers.natural(_steps[0].weight)
} else := 0

_parts := sprintf("%d steps of %s and %s at %d percent", [
	_evaluations - _passes,
	_traffic.interval,
	_checks,
	_end,
]) if {
	not _has_steps
} else := sprintf("%d steps, the last for %s", [count(_steps), _checks])

_checks := "1 check" if {
	_passes == 1
} else := sprintf("%d checks", [_passes])

_total_path := ["spec", "traffic", "steps"] if {
	_has_steps
} else := ["spec", "traffic", "interval"]

_total_remedy := sprintf("Set interval to %s or less, or take larger steps, or lower successThreshold.", [canary.span(_fitting)]) if {
	not _has_steps
	_fitting > 0
} else := sprintf("Take %s away: shorten steps, or lower successThreshold.", [canary.span(_total - (_longest * 3600))])

# In whole minutes.
_fitting := floor(((_longest * 3600) / _evaluations) / 60) * 60
