package ployd.rules.gpu.compute_capability_test

import data.ployd.rules.gpu.compute_capability as rule

_vllm := {
	"defaults": {"untested": [{"from": "0.9", "before": "0.20", "atMost": "7.0", "why": "a tutorial found otherwise"}]},
	"versions": {
		"0.8.5.post1": {"minimumComputeCapability": "7.0"},
		"0.10.2": {},
		"0.19.1": {"minimumComputeCapability": "7.0"},
		"0.20.0": {"minimumComputeCapability": "7.5"},
	},
}

_server := {
	"kind": "ModelDeployment",
	"path": ["spec", "model"],
	"version": {"text": "0.20.0", "path": ["spec", "model", "image"], "image": "vllm/vllm-openai:v0.20.0"},
	"settings": {},
	"gpu": {"name": "V100-16GB", "path": ["spec", "resources", "gpu", "type"], "computeCapability": [7, 0], "bf16": false},
	"requires": {"computeCapability": [7, 5], "untested": ""},
	"refusals": [{"term": "compute_capability", "text": "V100-16GB has 7.0, the image needs 7.5"}],
	"remedies": {"gpus": [{"name": "L4", "count": 1}, {"name": "A10G", "count": 1}]},
}

_with(changes) := {"ployd": {"capacity": {"servers": [object.union(_server, changes)]}}}

test_denies_a_gpu_that_the_image_left_behind if {
	rule.deny == {{
		"msg": "V100-16GB has compute capability 7.0; vLLM 0.20.0 needs 7.5",
		"path": ["spec", "resources", "gpu", "type"],
		"remedy": concat("", [
			"Pin an image of vLLM 0.8.5.post1 or older with dtype half, ",
			"or take a GPU of compute capability 7.5 or newer (1 x L4 or 1 x A10G).",
		]),
		"related": [{"msg": "what says which version of vLLM runs", "path": ["spec", "model", "image"]}],
	}} with input as _with({}) with data.ployd.vllm as _vllm
	rule.warn == set() with input as _with({}) with data.ployd.vllm as _vllm
}

test_denies_an_unknown_version_by_the_newest if {
	rows := rule.deny with input as _with({"version": {"text": "", "image": ""}}) with data.ployd.vllm as _vllm
	{row.msg | some row in rows} == {"V100-16GB has compute capability 7.0; the newest vLLM needs 7.5, and nothing says which version runs"}
}

test_offers_no_older_image_where_none_was_read if {
	every vllm in [{}, {"versions": null}, {"versions": {"0.20.0": {"minimumComputeCapability": "7.5"}, "0.9.0": {"minimumComputeCapability": null}}}] {
		rows := rule.deny with input as _with({"remedies": {"gpus": []}}) with data.ployd.vllm as vllm
		{row.remedy | some row in rows} == {"Take a GPU of compute capability 7.5 or newer."}
	}
}

test_offers_the_newest_older_image_that_nobody_doubts if {
	vllm := object.union(_vllm, {"defaults": {"untested": []}})
	rows := rule.deny with input as _with({"remedies": {"gpus": []}, "gpu": {"bf16": true}}) with data.ployd.vllm as vllm
	{row.remedy | some row in rows} == {"Pin an image of vLLM 0.19.1 or older, or take a GPU of compute capability 7.5 or newer."}
}

test_warns_where_a_source_doubts_it if {
	doubted := _with({"version": {"text": "0.19.1"}, "requires": {"untested": "a tutorial found otherwise"}, "refusals": []})
	rule.warn == {{
		"msg": "vLLM 0.19.1 may not run on V100-16GB: a tutorial found otherwise",
		"path": ["spec", "resources", "gpu", "type"],
		"remedy": "Pin an image of vLLM 0.8.5.post1 or older with dtype half, or take a newer GPU.",
		"related": [{"msg": "what says which version of vLLM runs", "path": ["spec", "model", "image"]}],
	}} with input as doubted with data.ployd.vllm as _vllm
	rule.deny == set() with input as doubted with data.ployd.vllm as _vllm
}

test_allows_what_is_not_refused if {
	every changes in [
		{"refusals": []},
		{"refusals": null},
		{"refusals": [{"term": "quantization", "text": "x"}]},
		{"refusals": [], "requires": {"untested": null}},
		{"refusals": [], "requires": {"untested": 3}},
	] {
		rule.deny == set() with input as _with(changes) with data.ployd.vllm as _vllm
		rule.warn == set() with input as _with(changes) with data.ployd.vllm as _vllm
	}
}

test_is_silent_where_nothing_is_served if {
	every document in [{}, {"ployd": {"capacity": {"servers": []}}}, {"ployd": {"capacity": {"servers": [{}, null]}}}] {
		rule.deny == set() with input as document
		rule.warn == set() with input as document
	}
}
