package ployd.rules.gpu.tensor_parallel_test

import data.ployd.rules.gpu.tensor_parallel as rule

_request(vllm, gpu) := {"request": {
	"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
	"object": {"spec": {"model": {"vllm": vllm}, "resources": {"gpu": gpu}}},
}}

_more := {
	"msg": "vLLM needs 4 GPUs (tensor_parallel_size 4), but resources.gpu.count is 2",
	"path": ["spec", "model", "vllm", "tensor_parallel_size"],
	"remedy": "Set tensor_parallel_size to 2 or resources.gpu.count to 4.",
	"related": [{"msg": "the GPUs of one replica", "path": ["spec", "resources", "gpu", "count"]}],
}

test_denies_more_workers_than_gpus if {
	rule.deny == {_more} with input as _request({"tensor_parallel_size": 4}, {"count": 2})
	rule.warn == set() with input as _request({"tensor_parallel_size": 4}, {"count": 2})
}

test_denies_every_kind_of_parallelism_in_the_product if {
	vllm := {
		"tensor_parallel_size": 2,
		"pipeline_parallel_size": 2,
		"prefill_context_parallel_size": 2,
		"data_parallel_size": 3,
	}
	rows := rule.deny with input as _request(vllm, {"count": 8})
	{row.msg | some row in rows} == {concat("", [
		"vLLM needs 24 GPUs (tensor_parallel_size 2 x pipeline_parallel_size 2 x ",
		"prefill_context_parallel_size 2 x data_parallel_size 3), but resources.gpu.count is 8",
	])}
	{row.remedy | some row in rows} == {"Set resources.gpu.count to 24."}
}

test_counts_the_local_data_parallel_ranks_only if {
	vllm := {"tensor_parallel_size": 2, "data_parallel_size": 8, "data_parallel_size_local": 4}
	rule.deny == set() with input as _request(vllm, {"count": 8})
	rule.warn == set() with input as _request(vllm, {"count": 8})
}

test_denies_an_unset_tensor_parallel_size_beside_others if {
	rows := rule.deny with input as _request({"pipeline_parallel_size": 2}, {"count": 4})
	rows == {{
		"msg": "vLLM needs 8 GPUs (tensor_parallel_size 4 x pipeline_parallel_size 2), but resources.gpu.count is 4",
		"path": ["spec", "model", "vllm"],
		"remedy": "Set tensor_parallel_size to 2; unset, it becomes resources.gpu.count.",
		"related": [{"msg": "the GPUs of one replica", "path": ["spec", "resources", "gpu", "count"]}],
	}}
}

test_denies_an_unset_tensor_parallel_size_where_none_fits if {
	rows := rule.deny with input as _request({"pipeline_parallel_size": 2}, {"count": 3})
	{row.remedy | some row in rows} == {"Set tensor_parallel_size, and resources.gpu.count to 2 times that."}
}

test_warns_of_idle_gpus if {
	rule.warn == {{
		"msg": "6 of 8 GPUs stay idle: vLLM uses 2 (tensor_parallel_size 2)",
		"path": ["spec", "model", "vllm", "tensor_parallel_size"],
		"remedy": "Set tensor_parallel_size to 8 or resources.gpu.count to 2.",
		"related": [{"msg": "the GPUs of one replica", "path": ["spec", "resources", "gpu", "count"]}],
	}} with input as _request({"tensor_parallel_size": 2}, {"count": 8})
	rule.deny == set() with input as _request({"tensor_parallel_size": 2}, {"count": 8})
}

test_allows_equal_and_unset_and_null_and_empty if {
	every vllm in [{"tensor_parallel_size": 4}, {"tensor_parallel_size": null}, {}, {"max_model_len": 4096}] {
		rule.deny == set() with input as _request(vllm, {"count": 4})
		rule.warn == set() with input as _request(vllm, {"count": 4})
	}
}

test_denies_sizes_vllm_does_not_take if {
	every size in ["2", 0, -1, 1.5, true, [], {}, ""] {
		rows := rule.deny with input as _request({"tensor_parallel_size": size}, {"count": 2})
		{row.path | some row in rows} == {["spec", "model", "vllm", "tensor_parallel_size"]}
	}
}

test_shows_the_size_that_vllm_does_not_take if {
	rule.deny == {{
		"msg": "tensor_parallel_size is \"2\"; vLLM takes whole numbers of at least 1",
		"path": ["spec", "model", "vllm", "tensor_parallel_size"],
		"remedy": "Write tensor_parallel_size as a whole number of at least 1, without quotes.",
	}} with input as _request({"tensor_parallel_size": "2"}, {"count": 2})
}

test_denies_a_size_without_a_gpu_count if {
	every gpu in [{}, {"count": null}, {"count": "2"}, {"count": 0}, {"count": []}, [], "2", null] {
		rule.deny == {{
			"msg": "tensor_parallel_size is set, but resources.gpu.count is not a whole number of at least 1",
			"path": ["spec", "resources", "gpu", "count"],
			"remedy": "Set resources.gpu.count to the GPUs of one replica.",
		}} with input as _request({"tensor_parallel_size": 2}, gpu)
	}
}

test_leaves_a_missing_gpu_count_to_its_own_rule if {
	rule.deny == set() with input as _request({"max_model_len": 4096}, {})
}

test_is_silent_without_a_vllm_section if {
	every vllm in [null, [], "x", 3] {
		rule.deny == set() with input as _request(vllm, {"count": 2})
		rule.warn == set() with input as _request(vllm, {"count": 2})
	}
}

test_is_silent_on_other_kinds_and_deletions if {
	route := {"group": "ployd.ai", "version": "v1", "kind": "GatewayRoute"}
	stranger := {"group": "example.com", "version": "v1", "kind": "ModelDeployment"}
	every kind in [route, stranger] {
		request := object.union(_request({"tensor_parallel_size": 4}, {"count": 2}), {"request": {"kind": kind}})
		rule.deny == set() with input as request
		rule.warn == set() with input as request
	}
	gone := {"request": {"kind": _request({}, {}).request.kind, "operation": "DELETE", "object": null}}
	rule.deny == set() with input as gone
}

_container := ["spec", "template", "spec", "containers", 0]

# A Deployment with one server; settings by name.
_pod(settings, parallel, gpus) := {
	"request": {"kind": {"group": "apps", "version": "v1", "kind": "Deployment"}, "object": {}},
	"ployd": {"capacity": {"servers": [{
		"owner": "container vllm",
		"kind": "Deployment",
		"path": ["spec", "template", "spec", "containers", 0],
		"settings": {name: {"value": value, "path": ["spec", "template", "spec", "containers", 0, "args", 3]} |
			some name, value in settings
		},
		"gpu": {
			"count": gpus,
			"countPath": ["spec", "template", "spec", "containers", 0, "resources", "limits", "nvidia.com/gpu"],
		},
		"parallel": parallel,
	}]}},
}

_alone := {"tensor": 1, "pipeline": 1, "copies": 1, "gpus": 1}

test_denies_a_pod_with_more_workers_than_gpus if {
	pod := _pod({"tensor_parallel_size": 4}, {"tensor": 4, "pipeline": 1, "copies": 1, "gpus": 4}, 2)
	rule.deny == {{
		"msg": "container vllm: vLLM needs 4 GPUs (--tensor-parallel-size 4), but the container gets 2",
		"path": array.concat(_container, ["args", 3]),
		"remedy": "Set --tensor-parallel-size to 2 or nvidia.com/gpu to 4.",
		"related": [{
			"msg": "the GPUs of the container",
			"path": array.concat(_container, ["resources", "limits", "nvidia.com/gpu"]),
		}],
	}} with input as pod
	rule.warn == set() with input as pod
}

test_denies_every_kind_of_parallelism_of_a_pod if {
	settings := {"tensor_parallel_size": 2, "pipeline_parallel_size": 3, "data_parallel_size": 8, "data_parallel_size_local": 2}
	rows := rule.deny with input as _pod(settings, {"tensor": 2, "pipeline": 3, "copies": 2, "gpus": 12}, 8)
	{[row.msg, row.remedy] | some row in rows} == {[
		concat("", [
			"container vllm: vLLM needs 12 GPUs (--tensor-parallel-size 2 x --pipeline-parallel-size 3 x ",
			"--data-parallel-size-local 2), but the container gets 8",
		]),
		"Set nvidia.com/gpu to 12.",
	]}
}

test_warns_of_idle_gpus_of_a_pod if {
	pod := _pod({}, _alone, 2)
	rule.warn == {{
		"msg": "container vllm: 1 of 2 GPUs stay idle: vLLM uses 1 (--tensor-parallel-size 1)",
		"path": array.concat(_container, ["args"]),
		"remedy": "Set --tensor-parallel-size to 2 or nvidia.com/gpu to 1.",
		"related": [{
			"msg": "the GPUs of the container",
			"path": array.concat(_container, ["resources", "limits", "nvidia.com/gpu"]),
		}],
	}} with input as pod
	rule.deny == set() with input as pod
}

test_allows_a_pod_with_a_gpu_for_each_worker if {
	four := {"tensor": 2, "pipeline": 1, "copies": 2, "gpus": 4}
	every pod in [_pod({}, _alone, 1), _pod({"tensor_parallel_size": 2, "data_parallel_size": 2}, four, 4)] {
		rule.deny == set() with input as pod
		rule.warn == set() with input as pod
	}
}

test_is_silent_where_a_pod_does_not_say_all if {
	eight := {"tensor": 8, "pipeline": 1, "copies": 1, "gpus": 8}
	every pod in [
		_pod({"tensor_parallel_size": 8}, eight, 0),
		_pod({"tensor_parallel_size": "$(GPUS)"}, _alone, 4),
		_pod({"tensor_parallel_size": 8, "distributed_executor_backend": "ray"}, eight, 4),
		_pod({"tensor_parallel_size": 8, "nnodes": 2}, eight, 4),
		_pod({"data_parallel_size": 8, "data_parallel_rank": 3}, eight, 1),
	] {
		rule.deny == set() with input as pod
		rule.warn == set() with input as pod
	}
}

test_leaves_the_server_of_a_model_deployment_to_its_fields if {
	pod := json.patch(
		_pod({"tensor_parallel_size": 8}, {"tensor": 8, "gpus": 8}, 2),
		[{"op": "replace", "path": "/ployd/capacity/servers/0/kind", "value": "ModelDeployment"}],
	)
	rule.deny == set() with input as pod
}
