package ployd.rules.gpu.memory_utilization_test

import data.ployd.rules.gpu.memory_utilization as rule

_place := ["spec", "model", "vllm", "gpu_memory_utilization"]

_server(share) := {
	"kind": "ModelDeployment",
	"path": ["spec", "model"],
	"settings": {"gpu_memory_utilization": {"value": share, "path": _place}},
	"gpu": {"known": true, "name": "A100-80GB", "memoryGiB": 80.0},
	"verdict": "FITS",
	"deciding": "kv_cache",
}

_document(server, parameters) := {"ployd": {
	"parameters": {"gpu.memory_utilization": parameters},
	"capacity": {"servers": [server]},
}}

_share(share) := _document(_server(share), {"most": 0.95})

test_warns_of_a_share_that_leaves_little if {
	rows := rule.warn with input as _share(0.97)
	rows == {{
		"msg": "gpu_memory_utilization 0.97 leaves 2.40 GiB of the 80.0 GiB of each A100-80GB for CUDA graphs and all else",
		"path": _place,
		"remedy": "Set gpu_memory_utilization to at most 0.95.",
	}}
	rule.deny == set() with input as _share(0.97)
}

test_warns_without_figures_of_the_gpu if {
	server := object.union(_server(1), {"kind": "Pod", "path": ["spec", "containers", 0], "gpu": {"memoryGiB": null}})
	rows := rule.warn with input as _document(object.remove(server, ["gpu"]), {"most": 0.95})
	{row.msg | some row in rows} == {"--gpu-memory-utilization 1 leaves too little of the GPU for CUDA graphs and all else"}
}

test_denies_what_is_no_share if {
	every share in [0, -0.5, 1.01, 90, "0.9", "high", null, [], {}, true] {
		rows := rule.deny with input as _share(share)
		{row.path | some row in rows} == {_place}
		rule.warn == set() with input as _share(share)
	}
	rows := rule.deny with input as _share(90)
	rows == {{
		"msg": "gpu_memory_utilization is 90; vLLM takes a share above 0 and of at most 1",
		"path": _place,
		"remedy": "Set gpu_memory_utilization to the share of each GPU that vLLM may use, at most 0.95, or leave it out.",
	}}
}

test_allows_shares_that_leave_room_and_what_a_variable_fills_in if {
	every share in [0.01, 0.9, 0.95, "$(SHARE)", "${SHARE}", "{{ .Values.share }}"] {
		rule.deny == set() with input as _share(share)
		rule.warn == set() with input as _share(share)
	}
}

test_allows_what_is_not_written if {
	server := object.union(object.remove(_server(0.97), ["settings"]), {"settings": {}})
	rule.deny == set() with input as _document(server, {"most": 0.95})
	rule.warn == set() with input as _document(server, {"most": 0.95})
	rule.deny == set() with input as _document(server, {})
}

test_is_silent_where_memory_was_counted_and_failed if {
	every verdict in ["FAILS", "UNCERTAIN"] {
		server := object.union(_server(0.98), {"verdict": verdict, "deciding": "cuda_graphs"})
		rule.warn == set() with input as _document(server, {"most": 0.95})
	}
	server := object.union(_server(0.98), {"verdict": "FITS", "deciding": "cuda_graphs"})
	rows := rule.warn with input as _document(server, {"most": 0.95})
	count(rows) == 1
}

test_denies_where_the_parameter_is_unusable if {
	every most in [null, "0.95", 0, 2, [], true] {
		rows := rule.deny with input as _document(_server(0.9), {"most": most})
		{row.remedy | some row in rows} == {"Set most of gpu.memory_utilization in the environments data."}
	}
	missing := rule.deny with input as _document(_server(0.9), {})
	{row.msg | some row in missing} == {concat("", [
		"parameter most of rule gpu.memory_utilization is not set; it must be a number above 0 and of at most 1, ",
		"or nothing can be allowed",
	])}
}

test_is_silent_where_nothing_is_served if {
	every document in [{}, {"ployd": {"capacity": {"servers": []}}}, {"ployd": {"capacity": {"servers": [{}, null]}}}] {
		rule.deny == set() with input as document
		rule.warn == set() with input as document
	}
}
