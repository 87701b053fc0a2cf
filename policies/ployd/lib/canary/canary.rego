# METADATA
# title: Canaries
# description: What is written in a CanaryDeployment, read without ever failing on a value of another type.
package ployd.lib.canary

import data.ployd.lib.duration
import data.ployd.lib.values

# A mapping of the specification, or an empty one in place of anything else.
section(request, name) := found if {
	found := request.object.spec[name]
	is_object(found)
} else := {}

# Explicit steps. One of another type counts as one without anything, so that the others keep their places.
steps(request) := [_mapping(step) | some step in values.list(object.get(section(request, "traffic"), "steps", []))]

# Metrics, in the same way.
metrics(request) := [_mapping(metric) | some metric in values.list(object.get(section(request, "analysis"), "metrics", []))]

# How long a step lasts, as it is written: there, or for all steps. Null where it is written nowhere.
interval(request, step) := object.get(section(request, "traffic"), "interval", null) if {
	object.get(step, "interval", null) == null
} else := step.interval

# What the schema knows to be a share of requests, or a time. Other names have a query of their own.
rates := {"success_rate", "error_rate"}

latencies := {"latency_p50", "latency_p95", "latency_p99", "ttft_p95", "itl_p95", "queue_time_p95"}

# The unit of a metric's threshold: where none is written, what the schema takes. A limit relative to stable is a share of it.
unit(metric) := metric.unit if {
	object.get(metric, "unit", null) != null
} else := "percent" if {
	object.get(metric, "relativeToStable", null) == true
} else := "percent" if {
	object.get(metric, "name", null) in rates
} else := "milliseconds" if {
	object.get(metric, "name", null) in latencies
} else := ""

# Seconds as a message has them. Years are as good as for ever; beyond, arithmetic on them is no longer exact.
span(seconds) := duration.shown(min([seconds, 1000000000]))

_mapping(value) := value if {
	is_object(value)
} else := {}
