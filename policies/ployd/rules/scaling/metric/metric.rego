# METADATA
# title: Replicas follow a metric that exists and tells load
# description: >-
#   GPU utilization is the share of time in which anything ran: with a single request it is near 100, so an autoscaler that
#   follows it goes to maxReplicas and stays there. A metric that newer versions of vLLM have dropped is unknown, and the
#   autoscaler does nothing until somebody reads its conditions. The same holds where no metric is named at all. The number
#   of waiting requests tells load.
# related_resources:
# - ref: https://github.com/NVIDIA/dcgm-exporter/issues/301
#   description: Utilization is very high with a single request, so it keeps scaling up
# - ref: https://github.com/bentoml/Yatai/issues/500
#   description: The same with the metrics of DCGM
# - ref: https://github.com/vllm-project/vllm/pull/29330
#   description: vllm:gpu_cache_usage_perc is removed
# - ref: https://github.com/kubernetes-sigs/gateway-api-inference-extension/pull/1905
#   description: What had to be mended when the metric was gone
# - ref: https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/autoscaling/validation/validation.go
#   description: What the API server demands for minReplicas 0
# custom:
#   severity: error
#   scope: object
#   level: full
#   kinds: [ModelDeployment, HorizontalPodAutoscaler, ScaledObject]
#   remedy: Set scaling.targetQueueLength, or scale by vllm:num_requests_waiting.
#   prevents: >-
#     maxReplicas for ever; or no scaling, with unable to get metric vllm:gpu_cache_usage_perc: no metrics returned from
#     custom metrics API
package ployd.rules.scaling.metric

import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.parameters
import data.ployd.lib.values

deny contains row if {
	some metric in _metrics
	some old, change in _removed
	is_object(change)
	text := metric.text
	_mentions(text, old)
	use := object.get(change, "use", "")
	not _replaced(text, use)
	row := {
		"msg": sprintf("vLLM %v and newer have no metric %s, so nothing is scaled", [object.get(change, "from", ""), old]),
		"path": metric.path,
		"remedy": _instead(metric, old, use),
	}
}

deny contains row if {
	_is_hpa
	numbers.whole(_spec.minReplicas) == 0
	count([metric | some metric in _written; metric.type in {"Object", "External"}]) == 0
	row := {
		"msg": sprintf("minReplicas 0 with %s: a metric of pods says nothing once there are none, and the API server refuses it", [_sorts]),
		"path": ["spec", "minReplicas"],
		"remedy": "Set minReplicas to 1, or add a metric of type External, e.g. the requests that wait at the gateway.",
	}
}

deny contains row if {
	_judged
	value := object.get(_parameters, "busyMetrics", null)
	not is_array(value)
	row := parameters.unusable("scaling.metric", "busyMetrics", value, "a list of names of metrics")
}

warn contains row if {
	_grows
	_is_set("targetGPUUtilization")
	not _is_set("targetQueueLength")
	row := {
		"msg": sprintf("scales by GPU utilization (%v) alone, which is near 100 with a single request", [_scaling.targetGPUUtilization]),
		"path": ["spec", "scaling", "targetGPUUtilization"],
		"remedy": sprintf(
			"Add scaling.targetQueueLength: the requests that may wait before one more of the %d replicas starts.",
			[_maximum],
		),
	}
}

warn contains row if {
	_grows
	not _is_set("targetGPUUtilization")
	not _is_set("targetQueueLength")
	row := {
		"msg": sprintf("may grow from %d to %d replicas, but no target says when", [_minimum, _maximum]),
		"path": ["spec", "scaling", "targetQueueLength"],
		"remedy": _remedy,
	}
}

warn contains row if {
	count(_metrics) > 0
	count(_calm) == 0
	metric := _metrics[0]
	row := {
		"msg": sprintf("scales by GPU utilization alone (%s), which is near 100 with a single request", [_shown(metric.text)]),
		"path": metric.path,
		"remedy": "Scale by the queue of the engine, vllm:num_requests_waiting, instead or besides.",
	}
}

_judged if _scaling

_judged if count(_metrics) > 0

_parameters := parameters.of(input, "scaling.metric")

_scaling := section if {
	kinds.is_ployd(input.request, "ModelDeployment")
	section := input.request.object.spec.scaling
	is_object(section)
}

_is_set(field) if object.get(_scaling, field, null) != null

_grows if _maximum > _minimum

_maximum := numbers.positive(_scaling.maxReplicas)

# Kubernetes takes 1 where nothing is said.
_minimum := 1 if {
	object.get(_scaling, "minReplicas", null) == null
} else := numbers.natural(_scaling.minReplicas)

_remedy := sprintf("Add scaling.targetQueueLength, or set maxReplicas to %d.", [_minimum]) if {
	_minimum > 0
} else := "Add scaling.targetQueueLength."

_is_hpa if {
	input.request.kind.group == "autoscaling"
	input.request.kind.kind == "HorizontalPodAutoscaler"
}

_is_keda if {
	input.request.kind.group == "keda.sh"
	input.request.kind.kind == "ScaledObject"
}

_spec := section if {
	section := input.request.object.spec
	is_object(section)
}

# The metrics of a HorizontalPodAutoscaler as they are written.
_written := [metric |
	_is_hpa
	some metric in values.list(object.get(_spec, "metrics", []))
	is_object(metric)
]

_sorts := concat(" and ", {sprintf("a metric of type %v", [object.get(metric, "type", "?")]) | some metric in _written}) if {
	count(_written) > 0
} else := "no metric"

# What replicas follow, with its place: the name of a metric, or a query that names some.
_metrics := array.concat(_names, _queries)

_names := [found |
	_is_hpa
	some position, metric in values.list(object.get(_spec, "metrics", []))
	some [section, path] in [
		["resource", ["name"]],
		["containerResource", ["name"]],
		["pods", ["metric", "name"]],
		["object", ["metric", "name"]],
		["external", ["metric", "name"]],
	]
	is_object(metric[section])
	text := object.get(metric[section], path, null)
	is_string(text)
	found := {"text": text, "path": array.concat(["spec", "metrics", position, section], path), "query": false}
]

_queries := [found |
	_is_keda
	some position, trigger in values.list(object.get(_spec, "triggers", []))
	some field in ["query", "metricName"]
	text := trigger.metadata[field]
	is_string(text)
	found := {"text": text, "path": ["spec", "triggers", position, "metadata", field], "query": field == "query"}
]

_removed := found if {
	found := data.ployd.vllm.metrics.removed
	is_object(found)
} else := {}

# Adapters write a colon as an underscore.
_mentions(text, name) if contains(text, name)

_mentions(text, name) if contains(text, replace(name, ":", "_"))

# A query for the new name or the old one is right for servers of both ages.
_replaced(text, name) if {
	is_string(name)
	name != ""
	_mentions(text, name)
}

_instead(metric, old, use) := sprintf("Query %s; for servers of both ages: %s or %s.", [use, use, old]) if {
	metric.query
	use != ""
} else := sprintf("Use %s.", [use]) if {
	is_string(use)
	use != ""
} else := "Scale by vllm:num_requests_waiting."

_is_busy(text) if {
	some name in values.list(object.get(_parameters, "busyMetrics", []))
	is_string(name)
	_mentions(lower(text), lower(name))
	not contains(text, "vllm:")
}

# What replicas follow besides.
_calm contains text if {
	some metric in _metrics
	text := metric.text
	not _is_busy(text)
}

# A query may be long; its beginning is enough to find it.
_shown(text) := text if {
	count(text) <= 60
} else := sprintf("%s...", [substring(text, 0, 57)])
