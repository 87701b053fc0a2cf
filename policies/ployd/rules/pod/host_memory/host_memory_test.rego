package ployd.rules.pod.host_memory_test

import data.ployd.rules.pod.host_memory as rule

_memory := {"optimistic": 4, "expected": 9.75, "pessimistic": 15.5}

_server(kind, path, settings) := {
	"owner": "the server",
	"kind": kind,
	"path": path,
	"settings": settings,
	"parallel": {"gpus": 2, "copies": 1},
	"weightsGiB": 14.958,
	"hostMemoryGiB": _memory,
}

_input(value, server) := {
	"request": {"kind": {"group": "", "kind": server.kind}, "object": value},
	"ployd": {"capacity": {"servers": [server]}},
}

_model(resources, settings) := _input({"spec": {"resources": resources}}, _server("ModelDeployment", ["spec", "model"], settings))

_shm := [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "4Gi"}}]

_pod(limit, settings) := _input(
	{"spec": {
		"containers": [{"resources": {"limits": {"memory": limit}}, "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}]}],
		"volumes": _shm,
	}},
	_server("Pod", ["spec", "containers", 0], settings),
)

test_denies_a_limit_below_what_any_load_takes if {
	asked := _model({"memory": {"limits": "3Gi"}}, {})
	rule.deny == {{
		"msg": "the server is killed while it loads: its memory limit is 3Gi, and it takes 4 GiB at the very least",
		"path": ["spec", "resources", "memory", "limits"],
		"remedy": "Set resources.memory.limits to 16Gi: 15 GiB of weights may take that much.",
	}} with input as asked
	rule.warn == set() with input as asked
}

test_denies_a_limit_below_what_settings_take if {
	settings := {"cpu_offload_gb": {"value": 5, "path": []}, "swap_space": {"value": 11, "path": []}}
	rule.deny == {{
		"msg": concat("", [
			"the server is killed while it loads: its memory limit is 32Gi, and it takes 36 GiB at the very least",
			", 10 GiB of it for --cpu-offload-gb, 22 GiB of it for --swap-space",
		]),
		"path": ["spec", "containers", 0, "resources", "limits", "memory"],
		"remedy": "Set resources.limits.memory to 52Gi: 15 GiB of weights may take that much.",
	}} with input as _pod("32Gi", settings)
}

test_warns_of_a_limit_below_what_is_expected if {
	rule.warn == {{
		"msg": "the server may be killed while it loads: its memory limit is 12Gi, and it takes about 13.8 GiB, 4 GiB of it for volumes in memory",
		"path": ["spec", "containers", 0, "resources", "limits", "memory"],
		"remedy": "Set resources.limits.memory to 20Gi: 15 GiB of weights may take that much.",
	}} with input as _pod("12Gi", {})
	rule.deny == set() with input as _pod("12Gi", {})
	rows := rule.warn with input as _model({"memory": {"limits": "8Gi"}, "sharedMemory": null}, {"cpu_offload_gb": {"value": "x"}})
	{row.msg | some row in rows} == {"the server may be killed while it loads: its memory limit is 8Gi, and it takes about 9.8 GiB"}
	shared := rule.warn with input as _model({"memory": {"limits": "16Gi"}, "sharedMemory": "8Gi"}, {})
	count(shared) == 1
}

test_counts_no_more_offloaded_weights_than_there_are if {
	rows := rule.warn with input as _model({"memory": {"limits": "19Gi"}}, {"cpu_offload_gb": {"value": 100, "path": []}})
	{row.msg | some row in rows} == {concat("", [
		"the server may be killed while it loads: its memory limit is 19Gi, and it takes about 24.7 GiB",
		", 15 GiB of it for cpu_offload_gb",
	])}
	rule.deny == set() with input as _model({"memory": {"limits": "19Gi"}}, {"cpu_offload_gb": {"value": 100, "path": []}})
}

test_allows_a_limit_that_holds_it if {
	rule.deny == set() with input as _pod("16Gi", {"swap_space": {"value": 0}, "cpu_offload_gb": {"value": null}})
	rule.warn == set() with input as _pod("16Gi", {"swap_space": {"value": 0}, "cpu_offload_gb": {"value": null}})
	rule.warn == set() with input as _model({"memory": {"limits": 17179869184}}, {})
}

test_is_silent_without_a_limit_or_a_known_model if {
	every resources in [null, [], {}, {"memory": null}, {"memory": {"limits": null}}, {"memory": {"limits": "x"}}, {"memory": {"requests": "1Gi"}}] {
		rule.deny == set() with input as _model(resources, {})
		rule.warn == set() with input as _model(resources, {})
	}
	every memory in [null, "x", []] {
		unknown := json.patch(_pod("1Gi", {}), [{"op": "replace", "path": "/ployd/capacity/servers/0/hostMemoryGiB", "value": memory}])
		rule.deny == set() with input as unknown
		rule.warn == set() with input as unknown
	}
}

test_is_silent_on_other_objects_and_deletions if {
	asked := _pod("1Gi", {})
	every document in [
		{},
		{"request": asked.request},
		json.patch(asked, [{"op": "replace", "path": "/request/object", "value": null}]),
		json.patch(asked, [{"op": "replace", "path": "/request/object", "value": {"spec": "x"}}]),
	] {
		rule.deny == set() with input as document
		rule.warn == set() with input as document
	}
}
