package ployd.rules.model.known_test

import data.ployd.rules.model.known as rule

_server := {
	"kind": "ModelDeployment",
	"path": ["spec", "model"],
	"model": {
		"known": false, "name": "", "written": "s3://company-models/our-own", "path": ["spec", "model", "path"],
		"remedy": "give its figures in spec.model.architecture",
	},
}

_with(changes) := {"ployd": {"capacity": {"servers": [object.union(_server, changes)]}}}

test_warns_of_a_model_that_no_catalogue_has if {
	rule.warn == {{
		"msg": "model \"s3://company-models/our-own\" is in no catalogue, so nothing about its memory is checked",
		"path": ["spec", "model", "path"],
		"remedy": "Give its figures in spec.model.architecture.",
	}} with input as _with({})
}

test_warns_of_a_pod_that_has_no_field_for_figures if {
	every remedy, written in {
		"give its figures in spec.model.architecture, or add it to a models.yaml of your own": "Add it to a models.yaml of your own.",
		"": "Name the model with --model, as the catalogue has it.",
	} {
		rows := rule.warn with input as _with({"kind": "Pod", "model": {"remedy": remedy}})
		{row.remedy | some row in rows} == {written}
	}
	odd := rule.warn with input as _with({"kind": "Pod", "model": {"remedy": null}})
	{row.remedy | some row in odd} == {"Name the model with --model, as the catalogue has it."}
}

test_warns_of_a_server_that_names_no_model if {
	rule.warn == {{
		"msg": "nothing says which model this server runs, so nothing about its memory is checked",
		"path": ["spec", "containers", 0],
		"remedy": "Name the model with --model, as the catalogue has it.",
	}} with input as _with({"kind": "Pod", "model": {"written": "", "path": ["spec", "containers", 0], "remedy": ""}})
}

test_denies_nothing_that_it_warns_of if {
	# regal ignore:unresolved-reference
	not rule.deny with input as _with({})
}

test_allows_known_models if {
	rule.warn == set() with input as _with({"model": {"known": true}})
}

test_is_silent_where_nothing_is_served if {
	every document in [{}, {"ployd": {"capacity": {"servers": []}}}, {"ployd": {"capacity": {"servers": [{}, null]}}}] {
		rule.warn == set() with input as document
	}
}
