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
