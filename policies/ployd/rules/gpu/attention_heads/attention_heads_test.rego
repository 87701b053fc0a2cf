package ployd.rules.gpu.attention_heads_test

import data.ployd.rules.gpu.attention_heads as rule

_server := {
	"owner": "the model server",
	"kind": "ModelDeployment",
	"path": ["spec", "model"],
	"settings": {"tensor_parallel_size": {"value": 8, "path": ["spec", "model", "vllm", "tensor_parallel_size"]}},
	"gpu": {"known": true, "name": "H100-80GB", "count": 8, "countPath": ["spec", "resources", "gpu", "count"]},
	"model": {"known": true, "name": "Qwen/Qwen2.5-7B", "heads": 28, "kvHeads": 4},
	"parallel": {"tensor": 8, "pipeline": 1, "copies": 1, "gpus": 8},
	"refusals": [{"term": "attention_heads", "text": "28 attention heads by 8 GPUs"}],
	"remedies": {"tensorParallelSizes": [1, 2, 4], "fittingTensorParallelSizes": [2, 4], "maxModelLen": 0, "gpus": []},
}

_with(changes) := {"ployd": {"capacity": {"servers": [object.union(_server, changes)]}}}

test_denies_heads_that_cannot_be_divided if {
	rule.deny == {{
		"msg": "vLLM cannot divide 28 attention heads by 8 GPUs (Qwen/Qwen2.5-7B, tensor_parallel_size 8)",
		"path": ["spec", "model", "vllm", "tensor_parallel_size"],
		"remedy": "Set tensor_parallel_size to 2 or 4, on as many GPUs: that divides 28 attention heads.",
		"related": [],
	}} with input as _with({})
}

test_denies_what_else_cannot_be_divided if {
	terms := {
		"kv_heads": "10 key-value heads by 4 GPUs",
		"vocabulary": "a vocabulary of 151936 by 5 GPUs",
		"intermediate": "a width of 18944 by 5 GPUs",
	}
	every term, text in terms {
		rows := rule.deny with input as _with({"refusals": [{"term": term, "text": text}]})
		{row.msg | some row in rows} == {sprintf("vLLM cannot divide %v (Qwen/Qwen2.5-7B, tensor_parallel_size 8)", [text])}
	}
}

test_denies_a_size_that_nobody_wrote if {
	rows := rule.deny with input as {"ployd": {"capacity": {"servers": [object.union(object.remove(_server, ["settings"]), {"settings": {}})]}}}
	{[row.path, row.related] | some row in rows} == {[
		["spec", "model", "vllm", "tensor_parallel_size"],
		[{
			"msg": "unset, tensor_parallel_size becomes the 8 GPUs of a replica",
			"path": ["spec", "resources", "gpu", "count"],
		}],
	]}
}

test_denies_in_pods_in_the_words_of_the_command_line if {
	place := ["spec", "containers", 0]
	rows := rule.deny with input as _with({
		"kind": "Pod",
		"path": place,
		"settings": {"tensor_parallel_size": {"value": 8, "path": array.concat(place, ["args", 1])}},
	})
	{[row.msg, row.path] | some row in rows} == {[
		"vLLM cannot divide 28 attention heads by 8 GPUs (Qwen/Qwen2.5-7B, --tensor-parallel-size 8)",
		array.concat(place, ["args", 1]),
	]}
}

test_offers_sizes_for_the_gpus_there_are if {
	every case in [
		[{"gpu": {"count": 2}}, "Set tensor_parallel_size to 2, on as many GPUs: that divides 28 attention heads."],
		# The model fits nothing that small: what divides, at least.
		[
			{"remedies": {"fittingTensorParallelSizes": []}},
			"Set tensor_parallel_size to 1, 2 or 4, on as many GPUs: that divides 28 attention heads.",
		],
		[{"gpu": {"count": 0}}, "Set tensor_parallel_size to 1, 2 or 4, on as many GPUs: that divides 28 attention heads."],
		[
			{"remedies": {"fittingTensorParallelSizes": [], "tensorParallelSizes": []}},
			"Set tensor_parallel_size to a number that divides 28 attention heads.",
		],
	] {
		rows := rule.deny with input as _with(case[0])
		{row.remedy | some row in rows} == {case[1]}
	}
}

test_allows_what_is_not_refused_or_refused_for_another_reason if {
	every refusals in [[], [{"term": "context", "text": "x"}], [{"term": "quantization_block", "text": "x"}], null, "x", {}] {
		rule.deny == set() with input as _with({"refusals": refusals})
	}
}

test_is_silent_where_nothing_is_served if {
	every document in [
		{},
		{"request": {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": {}}, "ployd": {"capacity": {"servers": []}}},
		{"request": {"operation": "DELETE", "object": null}, "ployd": {"capacity": {"servers": []}}},
		{"ployd": {"capacity": {"servers": [null, "x", {}]}}},
	] {
		rule.deny == set() with input as document
	}
}
