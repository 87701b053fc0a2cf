package ployd.rules.pod.cpu_test

import data.ployd.rules.pod.cpu as rule

_parameters := {"coresBesideGPUs": 2, "threadsPerCore": 2}

_server(kind, path, gpus, settings) := {
	"owner": "the server",
	"kind": kind,
	"path": path,
	"settings": settings,
	"gpu": {"count": gpus},
	"parallel": {"gpus": gpus},
}

_input(value, server) := {
	"request": {"kind": {"group": "", "kind": server.kind}, "object": value},
	"ployd": {"parameters": {"pod.cpu": _parameters}, "capacity": {"servers": [server]}},
}

_model(cpu, gpus) := _input({"spec": {"resources": {"cpu": cpu}}}, _server("ModelDeployment", ["spec", "model"], gpus, {}))

_pod(resources, gpus, settings) := _input(
	{"spec": {"containers": [{"resources": resources}]}},
	_server("Pod", ["spec", "containers", 0], gpus, settings),
)

test_denies_fewer_cpus_than_busy_processes if {
	rule.deny == {{
		"msg": "the server gets 2 CPUs for 3 processes that are always busy (1 GPU, 2 beside); vLLM asks for 6 vCPUs",
		"path": ["spec", "resources", "cpu", "requests"],
		"remedy": "Set resources.cpu.requests to 6.",
	}} with input as _model({"requests": "2", "limits": "16"}, 1)
	rule.warn == set() with input as _model({"requests": "2", "limits": "16"}, 1)
	rows := rule.deny with input as _model({"requests": "2", "limits": "4"}, 1)
	{row.remedy | some row in rows} == {"Set resources.cpu.requests to 6, and resources.cpu.limits with it."}
}

test_warns_of_one_cpu_for_each_core if {
	rule.warn == {{
		"msg": "the server gets 8000m CPUs for 6 processes that are always busy (4 GPUs, 2 beside); vLLM asks for 12 vCPUs",
		"path": ["spec", "containers", 0, "resources", "limits", "cpu"],
		"remedy": "Set resources.limits.cpu to 12.",
	}} with input as _pod({"limits": {"cpu": "8000m"}, "requests": {"cpu": null}}, 4, {})
	rule.deny == set() with input as _pod({"limits": {"cpu": "8000m"}}, 4, {})
}

test_denies_by_the_engines_of_the_pod if {
	rows := rule.deny with input as _pod({"requests": {"cpu": 4}}, 4, {"data_parallel_size": {"value": 4}})
	{row.remedy | some row in rows} == {"Set resources.requests.cpu to 26."}
	settings := {"data_parallel_size": {"value": 16}, "data_parallel_size_local": {"value": 2}}
	local := rule.deny with input as _pod({"requests": {"cpu": 4}}, 4, settings)
	{row.remedy | some row in local} == {"Set resources.requests.cpu to 18."}
	servers := rule.deny with input as _pod({"requests": {"cpu": 4}}, 4, {"api_server_count": {"value": 4}})
	{row.remedy | some row in servers} == {"Set resources.requests.cpu to 18."}
	every value in [null, "x", 0] {
		broken := rule.deny with input as _pod({"requests": {"cpu": 4}}, 4, {"data_parallel_size": {"value": value}})
		{row.remedy | some row in broken} == {"Set resources.requests.cpu to 12."}
	}
}

test_allows_two_cpus_for_each_core if {
	rule.deny == set() with input as _model({"requests": "6"}, 1)
	rule.warn == set() with input as _model({"requests": "6"}, 1)
	rule.warn == set() with input as _model({"limits": 20}, 8)
}

test_is_silent_where_no_cpus_are_asked_for if {
	every cpu in [null, [], {}, {"requests": null}, {"requests": "x"}, {"requests": true}] {
		rule.deny == set() with input as _model(cpu, 1)
		rule.warn == set() with input as _model(cpu, 1)
	}
}

test_denies_everything_under_a_parameter_that_is_no_number if {
	every value in ["2", 0, -1, 1.5, null, [], {}, true] {
		every name in ["coresBesideGPUs", "threadsPerCore"] {
			asked := json.patch(_model({"requests": "6"}, 1), [{
				"op": "replace",
				"path": sprintf("/ployd/parameters/pod.cpu/%s", [name]),
				"value": value,
			}])
			rows := rule.deny with input as asked
			{row.path | some row in rows} == {[]}
		}
	}
}

test_is_silent_without_gpus_and_on_other_objects_and_deletions if {
	asked := _model({"requests": "1"}, 1)
	every document in [
		{},
		{"request": asked.request},
		_model({"requests": "1"}, 0),
		json.patch(asked, [{"op": "replace", "path": "/request/object", "value": null}]),
	] {
		rule.deny == set() with input as document
		rule.warn == set() with input as document
	}
}
