package ployd.rules.fleet.gpu_types_test

import data.ployd.rules.fleet.gpu_types as rule

_type := ["spec", "resources", "gpu", "type"]

_catalogue := {"H100-80GB": {"aliases": ["NVIDIA-H100-80GB-HBM3", "p5.48xlarge"]}, "A100-80GB": {"aliases": ["NVIDIA-A100-SXM4-80GB"]}}

_h100 := {"known": true, "name": "H100-80GB", "written": "nvidia-h100-80gb", "path": _type, "mig": ""}

_judged(gpu, parameters) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
		"object": {"spec": {}},
	},
	"ployd": {
		"parameters": {"fleet.gpu_types": parameters},
		"capacity": {"servers": [{"owner": "the model server", "kind": "ModelDeployment", "path": ["spec", "model"], "gpu": gpu}]},
	},
}

_denials(gpu, parameters) := rows if {
	rows := rule.deny with input as _judged(gpu, parameters) with data.ployd.gpus.gpus as _catalogue
}

test_allows_the_types_of_the_environment_in_any_spelling if {
	every type in ["H100-80GB", "h100_80gb", "NVIDIA-H100-80GB", "nvidia h100 80gb hbm3", "P5.48xlarge"] {
		_denials(_h100, {"types": ["A100-80GB", type]}) == set()
	}
}

test_denies_a_type_that_is_not_there if {
	_denials(_h100, {"types": ["A100-80GB", "NVIDIA-L4", "H100"]}) == {{
		"msg": "the model server asks for nvidia-h100-80gb (H100-80GB), which this environment does not have",
		"path": _type,
		"remedy": "Ask for A100-80GB, NVIDIA-L4 or H100.",
	}}
}

test_takes_a_slice_for_the_gpu_it_is_cut_from if {
	slice := {"known": true, "name": "A100-80GB 1g.10gb", "written": "nvidia.com/mig-1g.10gb", "path": _type, "mig": "1g.10gb"}
	every type in ["A100-80GB", "NVIDIA-A100-SXM4-80GB", "A100-80GB 1g.10gb"] {
		_denials(slice, {"types": [type]}) == set()
	}
	count(_denials(slice, {"types": ["H100-80GB"]})) == 1
}

test_denies_in_pods_too if {
	gpu := object.union(_h100, {"path": ["spec", "nodeSelector", "nvidia.com/gpu.product"]})
	pod := {"kind": {"group": "", "version": "v1", "kind": "Pod"}, "object": {"spec": {"containers": []}}}
	rows := rule.deny with input as object.union(_judged(gpu, {"types": ["L4"]}), {"request": pod}) with data.ployd.gpus.gpus as _catalogue
	{row.path | some row in rows} == {["spec", "nodeSelector", "nvidia.com/gpu.product"]}
}

test_allows_gpus_that_the_catalogue_says_nothing_of if {
	rule.deny == set() with input as _judged(_h100, {"types": ["H100-80GB"]}) with data.ployd.gpus.gpus as {}
}

test_denies_under_types_that_are_no_list if {
	every value in ["H100-80GB", 3, true, {}, [], [3], [null]] {
		rows := _denials(_h100, {"types": value})
		{row.path | some row in rows} == {[]}
	}
}

test_is_silent_without_types_about_gpus_not_known_and_servers_without if {
	every parameters in [{}, {"types": null}, null, []] {
		_denials(_h100, parameters) == set()
	}
	every gpu in [{"known": false, "written": "tpu-v5"}, {}, null, "x"] {
		_denials(gpu, {"types": ["H100-80GB"]}) == set()
	}
}

test_is_silent_on_objects_that_serve_nothing_and_deletions if {
	none := {"capacity": {"servers": []}}
	rule.deny == set() with input as object.union(_judged(_h100, {"types": ["L4"]}), {"ployd": none})
	gone := {"request": {"object": null}, "ployd": {"parameters": {"fleet.gpu_types": {"types": 3}}, "capacity": {}}}
	rule.deny == set() with input as gone
}
