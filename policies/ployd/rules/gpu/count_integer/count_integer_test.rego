package ployd.rules.gpu.count_integer_test

import data.ployd.rules.gpu.count_integer as rule

_model(gpu) := {"request": {
	"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
	"object": {"spec": {"resources": {"gpu": gpu}}},
}}

_pod(resources) := {"request": {
	"kind": {"group": "", "version": "v1", "kind": "Pod"},
	"object": {"spec": {"containers": [{"name": "server", "resources": resources}]}},
}}

_place(list, resource) := ["spec", "containers", 0, "resources", list, resource]

test_allows_whole_gpus_of_a_model if {
	every whole in [1, 2, 8, 2.0] {
		rule.deny == set() with input as _model({"count": whole})
	}
}

test_denies_a_part_of_a_gpu_of_a_model if {
	rule.deny == {{
		"msg": "resources.gpu.count is 0.5; a replica gets whole GPUs, at least one",
		"path": ["spec", "resources", "gpu", "count"],
		"remedy": "Ask for 1; to share a GPU, ask for a MIG or time-slicing resource instead.",
	}} with input as _model({"count": 0.5})
}

test_denies_absent_null_wrong_and_empty_counts if {
	every gpu in [{}, {"count": null}, null, [], "2", 2] {
		rule.deny == {{
			"msg": "resources.gpu.count is not set; a replica gets whole GPUs, at least one",
			"path": ["spec", "resources", "gpu", "count"],
			"remedy": "Ask for a whole number of GPUs.",
		}} with input as _model(gpu)
	}
	every odd in ["", "2", "500m", 0, -1, true, false, [], {}] {
		rows := rule.deny with input as _model({"count": odd})
		{row.path | some row in rows} == {["spec", "resources", "gpu", "count"]}
	}
	bare := {"request": {"kind": {"group": "ployd.ai", "kind": "ModelDeployment"}, "object": {}}}
	rows := rule.deny with input as bare
	{row.msg | some row in rows} == {"resources.gpu.count is not set; a replica gets whole GPUs, at least one"}
}

test_allows_whole_limits_and_equal_requests if {
	every resources in [
		{"limits": {"nvidia.com/gpu": 1}},
		{"limits": {"nvidia.com/gpu": "2"}, "requests": {"nvidia.com/gpu": 2}},
		{"limits": {"nvidia.com/gpu": "2000m"}},
		{"limits": {"amd.com/gpu": 8, "cpu": "500m"}, "requests": {"cpu": "250m"}},
		{"limits": {"nvidia.com/mig-1g.10gb": 1}},
		{"limits": {"nvidia.com/gpu": 0}},
		{"requests": {"cpu": "500m"}},
		{"requests": null, "limits": null},
		{},
		null,
		[],
	] {
		rule.deny == set() with input as _pod(resources)
	}
}

test_denies_parts_in_every_spelling if {
	every resource in ["nvidia.com/gpu", "nvidia.com/gpu.shared", "amd.com/gpu", "nvidia.com/mig-1g.10gb"] {
		every value in ["0.5", 0.5, "500m", "1.5", "-1", "one", "", null, true, [], {}] {
			rows := rule.deny with input as _pod({"limits": {resource: value}})
			{row.path | some row in rows} == {_place("limits", resource)}
		}
	}
	rule.deny == {{
		"msg": "container server asks for \"0.5\" of nvidia.com/gpu; devices are given out whole",
		"path": _place("limits", "nvidia.com/gpu"),
		"remedy": "Ask for 1; to share a GPU, ask for a MIG or time-slicing resource instead.",
	}} with input as _pod({"limits": {"nvidia.com/gpu": "0.5"}})
}

test_denies_a_request_without_a_limit if {
	every limits in [{}, null, {"cpu": 1}, []] {
		rule.deny == {{
			"msg": "container server requests nvidia.com/gpu without a limit",
			"path": _place("requests", "nvidia.com/gpu"),
			"remedy": "Write nvidia.com/gpu under limits; requests may be left out.",
		}} with input as _pod({"requests": {"nvidia.com/gpu": 1}, "limits": limits})
	}
}

test_denies_a_request_unlike_its_limit if {
	rule.deny == {{
		"msg": "container server requests 1 of nvidia.com/gpu, but its limit is 2",
		"path": _place("requests", "nvidia.com/gpu"),
		"remedy": "Write the same number, or leave the request out.",
		"related": [{"msg": "the limit", "path": _place("limits", "nvidia.com/gpu")}],
	}} with input as _pod({"requests": {"nvidia.com/gpu": 1}, "limits": {"nvidia.com/gpu": "2"}})
}

test_looks_into_every_workload_and_every_container if {
	cron := {"request": {
		"kind": {"group": "batch", "kind": "CronJob"},
		"object": {"spec": {"jobTemplate": {"spec": {"template": {"spec": {
			"initContainers": [{"name": "fetch", "resources": {"limits": {"nvidia.com/gpu": "0.5"}}}],
			"containers": [{"resources": {"limits": {"nvidia.com/gpu": 1}}}],
		}}}}}},
	}}
	rows := rule.deny with input as cron
	{row.path | some row in rows} == {[
		"spec", "jobTemplate", "spec", "template", "spec",
		"initContainers", 0, "resources", "limits", "nvidia.com/gpu",
	]}
}

test_is_silent_on_other_kinds_and_deletions if {
	service := {"kind": {"group": "", "kind": "Service"}, "object": _pod({"limits": {"nvidia.com/gpu": "0.5"}}).request.object}
	route := {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": {"spec": {}}}
	gone := {"kind": {"group": "ployd.ai", "kind": "ModelDeployment"}, "object": null}
	every request in [service, route, gone] {
		rule.deny == set() with input as {"request": request}
	}
}
