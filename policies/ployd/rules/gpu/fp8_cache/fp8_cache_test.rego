package ployd.rules.gpu.fp8_cache_test

import data.ployd.rules.gpu.fp8_cache as rule

_server := {
	"kind": "ModelDeployment",
	"path": ["spec", "model"],
	"settings": {"kv_cache_dtype": {"value": "fp8", "path": ["spec", "model", "vllm", "kv_cache_dtype"]}},
	"gpu": {
		"name": "A100-80GB",
		"path": ["spec", "resources", "gpu", "type"],
		"computeCapability": [8, 0],
		"bf16": true,
		"fp8": false,
	},
	"requires": {"fp8CacheCapability": [8, 9]},
}

_with(changes) := {"ployd": {"capacity": {"servers": [object.union(_server, changes)]}}}

_type(value) := _with({"settings": {"kv_cache_dtype": {"value": value}}})

test_denies_an_fp8_cache_on_an_older_gpu if {
	rule.deny == {{
		"msg": "a KV cache in fp8 needs compute capability 8.9; A100-80GB has 8.0",
		"path": ["spec", "model", "vllm", "kv_cache_dtype"],
		"remedy": "Leave kv_cache_dtype out, or take a GPU of compute capability 8.9 or newer.",
		"related": [{"msg": "the GPU", "path": ["spec", "resources", "gpu", "type"]}],
	}} with input as _with({})
	rule.warn == set() with input as _with({})
}

test_denies_every_fp8_that_needs_it if {
	every value in ["fp8_e4m3", "fp8_ds_mla"] {
		rows := rule.deny with input as _type(value)
		count(rows) == 1
	}
	turing := rule.deny with input as _with({
		"settings": {"kv_cache_dtype": {"value": "fp8_e5m2"}},
		"gpu": {"name": "T4", "computeCapability": [7, 5], "bf16": false},
	})
	{row.msg | some row in turing} == {"a KV cache in fp8_e5m2 needs compute capability 8.9; T4 has 7.5"}
}

test_warns_of_e5m2_on_gpus_with_bfloat16 if {
	rows := rule.warn with input as _type("fp8_e5m2")
	{row.msg | some row in rows} == {"a KV cache in fp8_e5m2 is sure from compute capability 8.9; A100-80GB has 8.0"}
	rule.deny == set() with input as _type("fp8_e5m2")
}

test_allows_other_types_and_newer_gpus if {
	every document in [
		_type("auto"), _type("bfloat16"), _type(null), _type(8), _type(["fp8"]),
		_with({"gpu": {"computeCapability": [8, 9]}}),
		_with({"gpu": {"computeCapability": [9, 0]}}),
	] {
		rule.deny == set() with input as document
		rule.warn == set() with input as document
	}
}

test_is_silent_about_gpus_without_a_capability_and_unknown_ones if {
	every document in [
		_with({"gpu": {"computeCapability": [0, 0]}}),
		_with({"gpu": {"computeCapability": null}}),
		{"ployd": {"capacity": {"servers": [object.remove(_server, ["gpu"])]}}},
		_with({"requires": {"fp8CacheCapability": null}}),
		{},
		{"ployd": {"capacity": {"servers": [{}, null]}}},
	] {
		rule.deny == set() with input as document
		rule.warn == set() with input as document
	}
}
