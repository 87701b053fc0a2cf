package ployd.rules.gpu.quantization_alignment_test

import data.ployd.rules.gpu.quantization_alignment as rule

_vllm := {"quantization": {"groupSize": {"awq": 128, "gptq": 128}, "aliases": {"awq_marlin": "awq"}}}

_blocks := {
	"kind": "ModelDeployment",
	"path": ["spec", "model"],
	"settings": {"tensor_parallel_size": {"value": 4, "path": ["spec", "model", "vllm", "tensor_parallel_size"]}},
	"gpu": {"count": 4},
	"model": {
		"name": "Qwen/Qwen3-30B-A3B-FP8", "path": ["spec", "model", "path"],
		"quantization": "fp8", "quantizationBlock": 128, "intermediate": 6144, "experts": 128,
	},
	"parallel": {"tensor": 4, "pipeline": 1, "copies": 1, "gpus": 4},
	"refusals": [{"term": "quantization_block", "text": "a width of 768 by 4 GPUs in blocks of 128"}],
	"remedies": {"tensorParallelSizes": [1, 2]},
}

_groups := object.union(_blocks, {
	"model": {"name": "Qwen/Qwen2.5-72B", "quantization": "awq", "quantizationBlock": 0, "intermediate": 29568, "experts": 0},
	"refusals": [],
	"remedies": {"tensorParallelSizes": [1, 2, 4, 8]},
})

_with(server, changes) := {"ployd": {"capacity": {"servers": [object.union(server, changes)]}}}

test_denies_a_share_that_ends_inside_a_block if {
	rule.deny == {{
		"msg": "vLLM cannot divide a width of 768 by 4 GPUs in blocks of 128 (Qwen/Qwen3-30B-A3B-FP8, tensor_parallel_size 4)",
		"path": ["spec", "model", "vllm", "tensor_parallel_size"],
		"remedy": "Set tensor_parallel_size to 1 or 2, or set enable_expert_parallel, which leaves experts whole.",
		"related": [{"msg": "the model is Qwen/Qwen3-30B-A3B-FP8", "path": ["spec", "model", "path"]}],
	}} with input as _with(_blocks, {}) with data.ployd.vllm as _vllm
	rule.warn == set() with input as _with(_blocks, {}) with data.ployd.vllm as _vllm
}

test_denies_blocks_of_a_dense_model if {
	dense := _with(_blocks, {"model": {"experts": 0}, "remedies": {"tensorParallelSizes": []}})
	rows := rule.deny with input as dense with data.ployd.vllm as _vllm
	{row.remedy | some row in rows} == {"Take a checkpoint of other blocks."}
}

test_allows_blocks_where_experts_stay_whole if {
	whole := _with(_blocks, {"settings": {"enable_expert_parallel": {"value": true, "path": ["x"]}}})
	rule.deny == set() with input as whole with data.ployd.vllm as _vllm
	rule.warn == set() with input as whole with data.ployd.vllm as _vllm
}

_row(unless) := {
	"msg": sprintf("awq weights of width 29,568 are 231 groups of 128, which tensor_parallel_size 4 does not divide%v", [unless]),
	"path": ["spec", "model", "vllm", "tensor_parallel_size"],
	"remedy": concat("", [
		"Set tensor_parallel_size to 1 (and pipeline_parallel_size to 4, to use the same GPUs), ",
		"or take a checkpoint whose width was padded.",
	]),
	"related": [{"msg": "the model is Qwen/Qwen2.5-72B", "path": ["spec", "model", "path"]}],
}

test_warns_of_groups_by_the_figures_of_the_catalogue if {
	rule.warn == {_row(", unless the checkpoint was padded")} with input as _with(_groups, {}) with data.ployd.vllm as _vllm
	rule.deny == set() with input as _with(_groups, {}) with data.ployd.vllm as _vllm
}

test_denies_groups_by_the_figures_of_the_object if {
	own := _with(_groups, {"model": {"name": "spec.model.architecture", "quantization": "awq_marlin"}})
	rows := rule.deny with input as own with data.ployd.vllm as _vllm
	{row.msg | some row in rows} == {_row("").msg}
	rule.warn == set() with input as own with data.ployd.vllm as _vllm
}

test_offers_padding_alone_where_no_size_divides if {
	none := _with(_groups, {"remedies": {"tensorParallelSizes": [2, 4]}})
	rows := rule.warn with input as none with data.ployd.vllm as _vllm
	{row.remedy | some row in rows} == {"Take a checkpoint whose width was padded."}
}

test_allows_whole_groups_and_what_has_none if {
	every changes in [
		{"model": {"intermediate": 29696}},
		{"parallel": {"tensor": 1}},
		{"model": {"quantization": ""}},
		{"model": {"quantization": "fp8"}},
		{"model": {"quantization": null}},
		{"model": {"intermediate": 0}},
		{"model": {"intermediate": "29568"}},
		{"model": {"intermediate": 1e300}},
		{"model": {"experts": 8}},
	] {
		rule.warn == set() with input as _with(_groups, changes) with data.ployd.vllm as _vllm
		rule.deny == set() with input as _with(_groups, changes) with data.ployd.vllm as _vllm
	}
}

test_is_silent_where_something_else_cannot_be_divided if {
	heads := _with(_groups, {"refusals": [{"term": "attention_heads", "text": "64 attention heads by 3 GPUs"}]})
	rule.warn == set() with input as heads with data.ployd.vllm as _vllm
}

test_is_silent_without_data_or_servers if {
	every vllm in [{}, {"quantization": {"groupSize": {"awq": "128"}}}, {"quantization": {"groupSize": null}}] {
		rule.warn == set() with input as _with(_groups, {}) with data.ployd.vllm as vllm
	}
	every document in [{}, {"ployd": {"capacity": {"servers": []}}}, {"ployd": {"capacity": {"servers": [{}, null]}}}] {
		rule.deny == set() with input as document with data.ployd.vllm as _vllm
		rule.warn == set() with input as document with data.ployd.vllm as _vllm
	}
}
