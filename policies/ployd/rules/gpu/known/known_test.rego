package ployd.rules.gpu.known_test

import data.ployd.rules.gpu.known as rule

_server := {
	"kind": "ModelDeployment",
	"path": ["spec", "model"],
	"gpu": {
		"known": false, "name": "", "written": "B999", "path": ["spec", "resources", "gpu", "type"],
		"remedy": "add it to a gpus.yaml of your own",
	},
}

_with(changes) := {"ployd": {"capacity": {"servers": [object.union(_server, changes)]}}}

test_warns_of_a_gpu_that_no_catalogue_has if {
	rule.warn == {{
		"msg": "GPU \"B999\" is in no catalogue, so nothing about it is checked",
		"path": ["spec", "resources", "gpu", "type"],
		"remedy": "Add it to a gpus.yaml of your own.",
	}} with input as _with({})
	every remedy in ["", null, 3] {
		rows := rule.warn with input as _with({"gpu": {"remedy": remedy}})
		{row.remedy | some row in rows} == {"Name a GPU of the catalogue."}
	}
}

test_warns_of_a_pod_that_names_no_gpu if {
	rule.warn == {{
		"msg": "nothing says on which GPU this server runs, so nothing about memory or capabilities is checked",
		"path": ["spec", "nodeSelector"],
		"remedy": "Add a nodeSelector with nvidia.com/gpu.product, as the nodes have it.",
	}} with input as _with({"kind": "Pod", "gpu": {"written": "", "path": ["spec", "nodeSelector"]}})
}

test_denies_nothing_that_it_warns_of if {
	# regal ignore:unresolved-reference
	not rule.deny with input as _with({})
}

test_allows_known_gpus if {
	rule.warn == set() with input as _with({"gpu": {"known": true, "name": "L4"}})
}

test_is_silent_about_a_type_the_schema_misses_and_where_nothing_is_served if {
	every document in [
		_with({"gpu": {"written": ""}}),
		_with({"gpu": {"known": null}}),
		{},
		{"ployd": {"capacity": {"servers": []}}},
		{"ployd": {"capacity": {"servers": [{}, null]}}},
	] {
		rule.warn == set() with input as document
	}
}
