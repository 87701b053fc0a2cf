package ployd.rules.gpu.quantization_matches_test

import data.ployd.rules.gpu.quantization_matches as rule

_vllm := {
	"quantization": {
		"minimumComputeCapability": {"awq": [], "gptq": [], "fp8": [], "mxfp4": [], "compressed-tensors": []},
		"aliases": {"awq_marlin": "awq", "gptq_marlin": "gptq", "fbgemm_fp8": "fp8"},
	},
	"weights": {"formats": {"awq": {}, "gptq": {}, "fp8": {}, "int4": {}, "bitsandbytes": {}, "mxfp4": {}}},
}

_server(asked, stored) := {"ployd": {"capacity": {"servers": [{
	"kind": "ModelDeployment",
	"path": ["spec", "model"],
	"settings": {"quantization": {"value": asked, "path": ["spec", "model", "vllm", "quantization"]}},
	"model": {"name": "meta-llama/Meta-Llama-3.1-8B", "path": ["spec", "model", "path"], "quantization": stored},
}]}}}

test_denies_another_method_than_the_checkpoint_has if {
	rule.deny == {{
		"msg": "quantization is awq, but the weights are gptq",
		"path": ["spec", "model", "vllm", "quantization"],
		"remedy": "Leave quantization out: vLLM reads gptq from the checkpoint.",
		"related": [{"msg": "the weights are gptq", "path": ["spec", "model", "path"]}],
	}} with input as _server("awq", "gptq") with data.ployd.vllm as _vllm
}

test_denies_other_pairs_that_cannot_match if {
	every pair in [["fp8", "awq"], ["awq_marlin", "gptq"], ["bitsandbytes", "awq"], ["gptq", "mxfp4"], ["awq", "fp8"]] {
		rows := rule.deny with input as _server(pair[0], pair[1]) with data.ployd.vllm as _vllm
		count(rows) == 1
	}
}

test_allows_the_same_under_any_name if {
	every pair in [["awq", "awq"], ["awq_marlin", "awq"], ["gptq_marlin", "gptq"], ["fbgemm_fp8", "fp8"]] {
		rule.deny == set() with input as _server(pair[0], pair[1]) with data.ployd.vllm as _vllm
	}
}

test_allows_what_cannot_be_compared if {
	every pair in [
		["compressed-tensors", "awq"], ["moe_wna16", "gptq"], ["fp8", ""], ["awq", "int4"], ["awq", null], [null, "awq"], [3, "awq"],
		[["awq"], "gptq"], ["awq", {}],
	] {
		rule.deny == set() with input as _server(pair[0], pair[1]) with data.ployd.vllm as _vllm
	}
}

test_is_silent_without_data_a_setting_or_servers if {
	rule.deny == set() with input as _server("awq", "gptq") with data.ployd.vllm as {}
	every document in [
		{},
		{"ployd": {"capacity": {"servers": []}}},
		{"ployd": {"capacity": {"servers": [{}, null, {"settings": {}, "model": {"quantization": "awq"}}]}}},
	] {
		rule.deny == set() with input as document with data.ployd.vllm as _vllm
	}
}
