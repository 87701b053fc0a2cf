package ployd.rules.fleet.cluster_folders_test

import data.ployd.rules.fleet.cluster_folders as rule

_judged_beside(spec, clusters, others, least) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
		"namespace": "models",
		"name": "chat",
		"object": {"spec": spec},
	},
	"ployd": {
		"parameters": {"fleet.cluster_folders": {"least": least}},
		"self": {"environment": "production", "cluster": clusters[0], "id": 0},
		"inventory": {"objects": {"production": {
			"ModelDeployment": {"models": {"chat": [{"id": id, "cluster": cluster} | some id, cluster in clusters]}},
			"ConfigMap": {"": {"settings": [{"id": 90 + id, "cluster": cluster} | some id, cluster in others]}},
		}}},
	},
}

_judged(clusters, least) := _judged_beside({}, clusters, [], least)

_allowed(judged) if {
	rule.deny == set() with input as judged
	rule.warn == set() with input as judged
}

test_allows_enough_folders if {
	_allowed(_judged(["aws", "azure"], 2))
	_allowed(_judged(["aws", "azure", "gcp"], 2))
	_allowed(_judged(["aws"], 1))
	every least in [null, 0] {
		_allowed(_judged(["aws"], least))
		_allowed(_judged([""], least))
	}
	_allowed(_judged([""], 1))
}

test_denies_a_model_in_too_few_folders if {
	rule.deny == {{
		"msg": "the model is applied to aws only; models run in at least 2 clusters here",
		"path": ["spec", "placement", "clusters"],
		"remedy": "Add it to 1 more, or name 2 under placement.clusters.",
		"related": [],
	}} with input as _judged(["aws"], 2)
	rule.warn == set() with input as _judged(["aws"], 2)
}

test_denies_with_the_folders_that_there_are if {
	rule.deny == {{
		"msg": "the model is applied to aws, gcp only; models run in at least 4 clusters here",
		"path": ["spec", "placement", "clusters"],
		"remedy": "Add it to 2 more, such as azure and metal, or name 4 under placement.clusters.",
		"related": [{"msg": "in gcp", "path": ["metadata", "name"], "object": 1}],
	}} with input as _judged_beside({}, ["aws", "gcp"], ["metal", "zone", "azure", "aws", ""], 4)
	rows := rule.deny with input as _judged_beside({}, ["aws"], ["azure"], 3)
	{row.remedy | some row in rows} == {"Add it to 2 more, such as azure, or name 3 under placement.clusters."}
}

test_counts_one_folder_once if {
	rows := rule.deny with input as _judged(["aws", "aws"], 2)
	{row.msg | some row in rows} == {"the model is applied to aws only; models run in at least 2 clusters here"}
}

test_warns_where_nothing_says_in_which_clusters if {
	rule.warn == {{
		"msg": "nothing says in which clusters the model runs; models run in at least 2 clusters here",
		"path": ["spec", "placement", "clusters"],
		"remedy": "Add it to the folders of 2 clusters, or name them under placement.clusters.",
	}} with input as _judged([""], 2)
	rule.deny == set() with input as _judged([""], 2)
}

test_is_silent_where_a_definition_may_reach_any_cluster if {
	_allowed(_judged(["aws", ""], 3))
}

test_is_silent_about_models_that_name_clusters if {
	every clusters in [[], ["aws"], ["aws", "azure"]] {
		_allowed(_judged_beside({"placement": {"clusters": clusters}}, ["aws"], [], 2))
		_allowed(_judged_beside({"placement": {"clusters": clusters}}, [""], [], 2))
	}
}

test_denies_whatever_is_no_list_of_clusters if {
	every placement in [null, [], "x", {}, {"clusters": null}, {"clusters": "aws"}, {"clusters": {}}] {
		rows := rule.deny with input as _judged_beside({"placement": placement}, ["aws"], [], 2)
		count(rows) == 1
	}
}

test_denies_under_a_number_of_clusters_that_is_none if {
	every value in ["2", -1, 1.5, true, [], {}] {
		rows := rule.deny with input as _judged(["aws"], value)
		{[row.path, row.remedy] | some row in rows} == {[[], "Set least of fleet.cluster_folders in the environments data."]}
	}
}

test_is_silent_without_an_inventory_on_other_kinds_and_deletions if {
	judged := _judged(["aws"], 2)
	_allowed({"request": judged.request, "ployd": {"parameters": judged.ployd.parameters}})
	every change in [{"kind": {"kind": "GatewayRoute"}}, {"kind": {"group": "example.com"}}, {"object": null}] {
		_allowed(object.union(judged, {"request": change}))
	}
	_allowed(object.union(judged, {"request": {"kind": {"kind": "Deployment"}}}))
}
