package ployd.rules.scaling.metric_test

import data.ployd.rules.scaling.metric as rule

_parameters := {"busyMetrics": ["DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_PROF_GR_ENGINE_ACTIVE"]}

_vllm := {"metrics": {"source": "test", "removed": {"vllm:gpu_cache_usage_perc": {"from": "0.13", "use": "vllm:kv_cache_usage_perc"}}}}

_judged(group, kind, spec) := {
	"request": {"kind": {"group": group, "version": "v1", "kind": kind}, "object": {"spec": spec}},
	"ployd": {"parameters": {"scaling.metric": _parameters}},
}

_model(scaling) := _judged("ployd.ai", "ModelDeployment", {"scaling": scaling})

_hpa(metrics) := _judged("autoscaling", "HorizontalPodAutoscaler", {"minReplicas": 1, "maxReplicas": 4, "metrics": metrics})

_keda(triggers) := _judged("keda.sh", "ScaledObject", {"minReplicaCount": 0, "triggers": triggers})

_pods(name) := {"type": "Pods", "pods": {"metric": {"name": name}, "target": {"type": "AverageValue", "averageValue": "70"}}}

_external(name) := {"type": "External", "external": {"metric": {"name": name}, "target": {"type": "Value", "value": 5}}}

_query(text) := {"type": "prometheus", "metadata": {"query": text, "threshold": "5"}}

_cpu := {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}

test_warns_of_utilization_alone if {
	rule.warn == {{
		"msg": "scales by GPU utilization (70) alone, which is near 100 with a single request",
		"path": ["spec", "scaling", "targetGPUUtilization"],
		"remedy": "Add scaling.targetQueueLength: the requests that may wait before one more of the 5 replicas starts.",
	}} with input as _model({"minReplicas": 1, "maxReplicas": 5, "targetGPUUtilization": 70})
	rule.deny == set() with input as _model({"minReplicas": 1, "maxReplicas": 5, "targetGPUUtilization": 70})
}

test_warns_of_growth_without_a_target if {
	rule.warn == {{
		"msg": "may grow from 2 to 4 replicas, but no target says when",
		"path": ["spec", "scaling", "targetQueueLength"],
		"remedy": "Add scaling.targetQueueLength, or set maxReplicas to 2.",
	}} with input as _model({"minReplicas": 2, "maxReplicas": 4, "targetGPUUtilization": null})
	none := rule.warn with input as _model({"minReplicas": 0, "maxReplicas": 1})
	{[row.msg, row.remedy] | some row in none} == {["may grow from 0 to 1 replicas, but no target says when", "Add scaling.targetQueueLength."]}
	unsaid := rule.warn with input as _model({"maxReplicas": 4})
	{row.msg | some row in unsaid} == {"may grow from 1 to 4 replicas, but no target says when"}
}

test_allows_a_queue_with_or_without_utilization_and_fixed_replicas if {
	every scaling in [
		{"minReplicas": 1, "maxReplicas": 5, "targetQueueLength": 8},
		{"minReplicas": 1, "maxReplicas": 5, "targetQueueLength": 8, "targetGPUUtilization": 70},
		{"minReplicas": 2, "maxReplicas": 2},
		{"minReplicas": 2, "maxReplicas": 2, "targetGPUUtilization": 70},
		{"maxReplicas": 1},
	] {
		rule.warn == set() with input as _model(scaling)
		rule.deny == set() with input as _model(scaling)
	}
}

test_denies_a_metric_that_is_gone if {
	rule.deny == {{
		"msg": "vLLM 0.13 and newer have no metric vllm:gpu_cache_usage_perc, so nothing is scaled",
		"path": ["spec", "metrics", 0, "pods", "metric", "name"],
		"remedy": "Use vllm:kv_cache_usage_perc.",
	}} with input as _hpa([_pods("vllm:gpu_cache_usage_perc")])
		with data.ployd.vllm as _vllm
	adapted := rule.deny with input as _hpa([_cpu, _external("vllm_gpu_cache_usage_perc")])
		with data.ployd.vllm as _vllm
	{row.path | some row in adapted} == {["spec", "metrics", 1, "external", "metric", "name"]}
	object_metric := {"type": "Object", "object": {"metric": {"name": "vllm:gpu_cache_usage_perc"}}}
	of_object := rule.deny with input as _hpa([object_metric])
		with data.ployd.vllm as _vllm
	{row.path | some row in of_object} == {["spec", "metrics", 0, "object", "metric", "name"]}
}

test_denies_a_query_of_a_metric_that_is_gone if {
	rule.deny == {{
		"msg": "vLLM 0.13 and newer have no metric vllm:gpu_cache_usage_perc, so nothing is scaled",
		"path": ["spec", "triggers", 0, "metadata", "query"],
		"remedy": "Query vllm:kv_cache_usage_perc; for servers of both ages: vllm:kv_cache_usage_perc or vllm:gpu_cache_usage_perc.",
	}} with input as _keda([_query("avg(vllm:gpu_cache_usage_perc{model_name=\"chat\"})")])
		with data.ployd.vllm as _vllm
}

test_denies_without_a_replacement_in_the_data if {
	bare := {"metrics": {"removed": {"vllm:gone": {"from": "0.13"}}}}
	rows := rule.deny with input as _hpa([_pods("vllm:gone")])
		with data.ployd.vllm as bare
	{row.remedy | some row in rows} == {"Scale by vllm:num_requests_waiting."}
}

test_allows_queries_of_the_new_name_with_or_without_the_old if {
	every text in ["avg(vllm:kv_cache_usage_perc)", "vllm:kv_cache_usage_perc or vllm:gpu_cache_usage_perc", "sum(vllm:num_requests_waiting)"] {
		rule.deny == set() with input as _keda([_query(text)])
			with data.ployd.vllm as _vllm
		rule.warn == set() with input as _keda([_query(text)])
			with data.ployd.vllm as _vllm
	}
	rule.deny == set() with input as _hpa([_pods("vllm:kv_cache_usage_perc")])
		with data.ployd.vllm as _vllm
}

test_warns_of_autoscalers_that_follow_utilization_alone if {
	rule.warn == {{
		"msg": "scales by GPU utilization alone (DCGM_FI_DEV_GPU_UTIL), which is near 100 with a single request",
		"path": ["spec", "metrics", 0, "pods", "metric", "name"],
		"remedy": "Scale by the queue of the engine, vllm:num_requests_waiting, instead or besides.",
	}} with input as _hpa([_pods("DCGM_FI_DEV_GPU_UTIL")])
		with data.ployd.vllm as _vllm
	both := [_pods("DCGM_FI_DEV_GPU_UTIL"), _pods("DCGM_FI_PROF_GR_ENGINE_ACTIVE")]
	rows := rule.warn with input as _hpa(both)
		with data.ployd.vllm as _vllm
	count(rows) == 1
	long := "avg by (pod) (avg_over_time(dcgm_fi_dev_gpu_util{namespace=\"models\",pod=~\"chat-.*\"}[5m]))"
	of_query := rule.warn with input as _keda([_query(long)])
		with data.ployd.vllm as _vllm
	{row.msg | some row in of_query} == {concat("", [
		"scales by GPU utilization alone (avg by (pod) (avg_over_time(dcgm_fi_dev_gpu_util{namespac...), ",
		"which is near 100 with a single request",
	])}
}

test_allows_utilization_beside_another_metric if {
	rule.warn == set() with input as _hpa([_pods("DCGM_FI_DEV_GPU_UTIL"), _pods("vllm:num_requests_waiting")])
		with data.ployd.vllm as _vllm
	mixed := "max(DCGM_FI_DEV_GPU_UTIL) * on() sum(vllm:num_requests_waiting)"
	rule.warn == set() with input as _keda([_query(mixed)])
		with data.ployd.vllm as _vllm
}

test_denies_zero_replicas_by_metrics_of_pods if {
	zero := {"request": {"object": {"spec": {"minReplicas": 0}}}}
	rule.deny == {{
		"msg": concat(" ", [
			"minReplicas 0 with a metric of type Pods and a metric of type Resource:",
			"a metric of pods says nothing once there are none, and the API server refuses it",
		]),
		"path": ["spec", "minReplicas"],
		"remedy": "Set minReplicas to 1, or add a metric of type External, e.g. the requests that wait at the gateway.",
	}} with input as object.union(_hpa([_cpu, _pods("queue")]), zero)
	every metrics in [[], null, "x", [null, 3]] {
		rows := rule.deny with input as object.union(_hpa(metrics), zero)
		{startswith(row.msg, "minReplicas 0 with no metric: ") | some row in rows} == {true}
	}
	untyped := rule.deny with input as object.union(_hpa([{}]), zero)
	{startswith(row.msg, "minReplicas 0 with a metric of type ?: ") | some row in untyped} == {true}
	rule.deny == set() with input as object.union(_hpa([_cpu, _external("queue")]), zero)
	rule.deny == set() with input as object.union(_hpa([{"type": "Object"}]), zero)
}

test_denies_under_a_parameter_that_is_no_list if {
	every value in ["DCGM", 3, null, {}] {
		change := {"ployd": {"parameters": {"scaling.metric": {"busyMetrics": value}}}}
		rows := rule.deny with input as object.union(_hpa([_pods("queue")]), change)
		{row.path | some row in rows} == {[]}
		models := rule.deny with input as object.union(_model({"maxReplicas": 1}), change)
		{row.path | some row in models} == {[]}
	}
}

test_is_silent_on_parts_of_other_types if {
	every spec in [null, "x", [], {"metrics": [null, "x", {"pods": null}, {"pods": {"metric": null}}, {"pods": {"metric": {"name": 3}}}]}] {
		rule.deny == set() with input as _judged("autoscaling", "HorizontalPodAutoscaler", spec)
			with data.ployd.vllm as _vllm
		rule.warn == set() with input as _judged("autoscaling", "HorizontalPodAutoscaler", spec)
			with data.ployd.vllm as _vllm
	}
	every triggers in [null, "x", [null, 3, {}, {"metadata": null}, {"metadata": {"query": 3}}]] {
		rule.deny == set() with input as _keda(triggers)
			with data.ployd.vllm as _vllm
		rule.warn == set() with input as _keda(triggers)
			with data.ployd.vllm as _vllm
	}
	every scaling in [null, "x", [], {"maxReplicas": "4"}, {"minReplicas": "1", "maxReplicas": 4}] {
		rule.warn == set() with input as _model(scaling)
	}
	every removed in [null, "x", []] {
		rule.deny == set() with input as _hpa([_pods("vllm:gpu_cache_usage_perc")])
			with data.ployd.vllm as {"metrics": {"removed": removed}}
	}
	rule.deny == set() with input as _hpa([_pods("vllm:gpu_cache_usage_perc")])
		with data.ployd.vllm as {}
}

test_is_silent_on_other_kinds_and_deletions if {
	every change in [{"object": null}, {"kind": {"kind": "Service"}}, {"kind": {"group": "example.com"}}] {
		rule.deny == set() with input as object.union(_hpa([_pods("vllm:gpu_cache_usage_perc")]), {"request": change})
			with data.ployd.vllm as _vllm
		rule.warn == set() with input as object.union(_keda([_query("DCGM_FI_DEV_GPU_UTIL")]), {"request": change})
			with data.ployd.vllm as _vllm
		rule.warn == set() with input as object.union(_model({"maxReplicas": 5}), {"request": change})
	}
}
