package ployd.rules.fleet.clusters_test

import data.ployd.rules.fleet.clusters as rule

_judged_with(placement, least, parameters) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
		"namespace": "models",
		"name": "chat",
		"object": {"spec": {"scaling": {"minReplicas": least, "maxReplicas": 4}, "placement": placement}},
	},
	"ployd": {"parameters": {"fleet.clusters": parameters}},
}

_spread := {"spreadAcross": "nodes"}

_judged(placement, parameters) := _judged_with(object.union(_spread, placement), 2, parameters)

_allowed(judged) if {
	rule.deny == set() with input as judged
	rule.warn == set() with input as judged
}

test_allows_enough_clusters if {
	_allowed(_judged({"clusters": ["aws", "azure"]}, {"least": 2}))
	_allowed(_judged({"clusters": ["aws", "azure", "gcp"]}, {"least": 2}))
	every least in [null, 0, 1] {
		_allowed(_judged({"clusters": ["aws"]}, {"least": least}))
		_allowed(_judged({}, {"least": least}))
	}
	_allowed(_judged({}, {}))
}

test_denies_too_few_clusters if {
	rule.deny == {{
		"msg": "placement.clusters names aws, azure; models run in at least 3 clusters here",
		"path": ["spec", "placement", "clusters"],
		"remedy": "Name 1 more.",
	}} with input as _judged({"clusters": ["aws", "azure"]}, {"least": 3})
	rule.warn == set() with input as _judged({"clusters": ["aws", "azure"]}, {"least": 3})
}

test_allows_a_model_that_names_no_cluster if {
	_allowed(_judged({}, {"least": 2}))
}

test_denies_a_cluster_named_twice_and_none if {
	rule.deny == {{
		"msg": "placement.clusters names \"aws\" twice",
		"path": ["spec", "placement", "clusters"],
		"remedy": "Name each cluster once.",
	}} with input as _judged({"clusters": ["aws", "azure", "aws"]}, {"least": 2})
	rule.deny == {{
		"msg": "placement.clusters is empty: the model runs nowhere",
		"path": ["spec", "placement", "clusters"],
		"remedy": "Name the clusters, or leave placement.clusters out for the one it is applied to.",
	}} with input as _judged({"clusters": []}, {})
}

test_warns_of_replicas_that_may_share_a_node if {
	every parameters in [{"spread": true}, {}, {"spread": null}, null] {
		rule.warn == {{
			"msg": "placement.spreadAcross is not set: all 2 replicas may land on one node",
			"path": ["spec", "placement", "spreadAcross"],
			"remedy": "Set placement.spreadAcross to nodes, or to zones where there are several.",
			"related": [{"msg": "replicas that always run", "path": ["spec", "scaling", "minReplicas"]}],
		}} with input as _judged_with({}, 2, parameters)
	}
	every placement in [null, [], "x", {"spreadAcross": null}] {
		rows := rule.warn with input as _judged_with(placement, 2, {})
		count(rows) == 1
	}
}

test_allows_one_replica_zones_and_environments_without_it if {
	_allowed(_judged_with({}, 1, {"spread": true}))
	_allowed(_judged_with({"spreadAcross": "zones"}, 3, {"spread": true}))
	_allowed(_judged_with({}, 3, {"spread": false}))
	every least in [null, "2", 1.5, [], {}] {
		_allowed(_judged_with({}, least, {}))
	}
}

test_denies_under_a_number_of_clusters_that_is_none if {
	every value in ["2", -1, 1.5, true, [], {}] {
		rows := rule.deny with input as _judged({}, {"least": value})
		{row.path | some row in rows} == {[]}
	}
}

test_is_silent_about_names_of_another_type if {
	every clusters in [null, "aws", 3, {}, [3, null]] {
		rule.deny == set() with input as _judged({"clusters": clusters}, {"least": 2})
	}
}

test_is_silent_on_other_kinds_and_deletions if {
	every change in [{"kind": {"kind": "GatewayRoute"}}, {"kind": {"group": "example.com"}}, {"object": null}] {
		_allowed(object.union(_judged_with({}, 2, {"least": 2}), {"request": change}))
	}
}
