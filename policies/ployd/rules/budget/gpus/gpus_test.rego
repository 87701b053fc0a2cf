package ployd.rules.budget.gpus_test

import data.ployd.rules.budget.gpus as rule

_judged(gpus, before, parameters) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
		"namespace": "models",
		"name": "chat",
		"object": {"spec": {"scaling": {"maxReplicas": 4}, "resources": {"gpu": {"count": 8}}}},
	},
	"ployd": {
		"parameters": {"budget.gpus": parameters},
		"self": {"environment": "production", "cluster": "", "id": 7},
		"inventory": {"objects": {"production": {"ModelDeployment": {"models": {"chat": [
			{"id": 2, "gpus": 1000, "gpusBefore": 1000},
			{"id": 7, "gpus": gpus, "gpusBefore": before},
		]}}}}},
	},
}

test_allows_models_within_the_budget if {
	rule.deny == set() with input as _judged(32, 32, {"gpus": 64})
	rule.deny == set() with input as _judged(0, 100, {"gpus": 64})
	rule.deny == set() with input as _judged(0, 0, {"gpus": 0})
}

test_denies_the_model_that_breaks_the_budget if {
	rule.deny == {{
		"msg": "with up to 32 GPUs of this model the environment's models may take 72, over its budget of 64",
		"path": ["spec", "scaling", "maxReplicas"],
		"remedy": "Take 8 GPUs away: lower maxReplicas or gpu.count here or of another model.",
		"related": [{"msg": "GPUs of one replica", "path": ["spec", "resources", "gpu", "count"]}],
	}} with input as _judged(32, 40, {"gpus": 64})
}

test_denies_every_gpu_of_a_budget_of_none if {
	rows := rule.deny with input as _judged(1, 0, {"gpus": 0})
	count(rows) == 1
}

test_is_silent_without_a_budget if {
	every parameters in [{}, {"gpus": null}, null, []] {
		rule.deny == set() with input as _judged(5000, 5000, parameters)
	}
	rule.deny == set() with input as object.remove(_judged(5000, 5000, {}), ["parameters"])
}

test_denies_everything_under_a_budget_that_is_no_number if {
	every value in ["64", -1, 1.5, true, [], {}] {
		rows := rule.deny with input as _judged(1, 0, {"gpus": value})
		{row.path | some row in rows} == {[]}
	}
	rows := rule.deny with input as _judged(1, 0, {"gpus": "64"})
	{row.msg | some row in rows} == {"parameter gpus of rule budget.gpus is \"64\"; it must be a whole number, or nothing can be allowed"}
}

test_is_silent_without_an_inventory_a_place_or_an_object_and_on_other_kinds if {
	judged := _judged(5000, 5000, {"gpus": 1})
	parameters := {"parameters": judged.ployd.parameters}
	rule.deny == set() with input as {"request": judged.request, "ployd": parameters}
	nowhere := object.union(parameters, {"inventory": judged.ployd.inventory})
	rule.deny == set() with input as {"request": judged.request, "ployd": nowhere}
	every change in [{"object": null}, {"kind": {"kind": "GatewayRoute"}}] {
		rule.deny == set() with input as object.union(judged, {"request": change})
	}
}

_entry(id, before, replicas, each) := {
	"id": id,
	"gpus": replicas * each,
	"gpusBefore": before,
	"spec": {"scaling": {"maxReplicas": replicas}, "resources": {"gpu": {"count": each}}},
}

_canary(id, stable, canary) := {"id": id, "spec": {
	"stable": object.union({"model": "old"}, stable),
	"canary": object.union({"model": "chat"}, canary),
}}

# The model chat, after the model old: 4 replicas of 8 GPUs each.
_fleet(canaries, parameters) := object.union(_judged(32, 32, parameters), {"ployd": {"inventory": {"objects": {"production": {
	"ModelDeployment": {"models": {"old": [_entry(3, 0, 4, 8)], "chat": [_entry(7, 32, 4, 8)]}},
	"CanaryDeployment": {"models": canaries},
}}}}})

test_allows_a_canary_within_the_replicas_of_its_models if {
	canaries := {"one": [_canary(8, {"replicas": 4}, {"replicas": 4})], "two": [_canary(9, {}, {"replicas": 2})]}
	rule.deny == set() with input as _fleet(canaries, {"gpus": 64})
}

test_denies_a_canary_that_asks_for_more_than_the_model_may_have if {
	canaries := {"one": [_canary(8, {}, {"replicas": 6})], "two": [_canary(9, {}, {"replicas": 5})]}
	rule.deny == {{
		"msg": "with up to 48 GPUs of this model the environment's models may take 80, over its budget of 64",
		"path": ["spec", "scaling", "maxReplicas"],
		"remedy": "Take 16 GPUs away: lower maxReplicas or gpu.count here or of another model, or what the canary asks for.",
		"related": [
			{"msg": "GPUs of one replica", "path": ["spec", "resources", "gpu", "count"]},
			{"msg": "asks for 6 replicas", "path": ["spec", "canary", "replicas"], "object": 8},
			{"msg": "asks for 5 replicas", "path": ["spec", "canary", "replicas"], "object": 9},
		],
	}} with input as _fleet(canaries, {"gpus": 64})
	rule.deny == set() with input as _fleet(canaries, {"gpus": 80})
}

test_counts_what_canaries_ask_of_models_before if {
	canaries := {"one": [_canary(8, {"replicas": 5}, {})]}
	rows := rule.deny with input as _fleet(canaries, {"gpus": 71})
	{row.msg | some row in rows} == {"with up to 32 GPUs of this model the environment's models may take 72, over its budget of 71"}
	rule.deny == set() with input as _fleet(canaries, {"gpus": 72})
}

test_does_not_count_canaries_of_other_namespaces_and_odd_ones if {
	judged := _fleet({}, {"gpus": 64})
	elsewhere := {"CanaryDeployment": {"other": {"one": [_canary(8, {}, {"replicas": 9})]}}}
	rule.deny == set() with input as object.union(judged, {"ployd": {"inventory": {"objects": {"production": elsewhere}}}})
	every replicas in [null, "9", -1, 9.5, [], {}] {
		rule.deny == set() with input as _fleet({"one": [_canary(8, {}, {"replicas": replicas}), {"id": 9, "spec": null}]}, {"gpus": 64})
	}
}

test_counts_a_rollout_of_every_model_where_a_surge_is_declared if {
	rows := rule.deny with input as _fleet({}, {"gpus": 79, "surge": 1})
	{row.msg | some row in rows} == {concat("", [
		"with up to 40 GPUs of this model the environment's models may take 80, over its budget of 79, ",
		"with 1 more of each model while it is rolled out",
	])}
	rule.deny == set() with input as _fleet({}, {"gpus": 80, "surge": 1})
	every surge in [0, null] {
		rule.deny == set() with input as _fleet({}, {"gpus": 64, "surge": surge})
	}
}

test_denies_everything_under_a_surge_that_is_no_number if {
	every value in ["1", -1, 1.5, true, [], {}] {
		rows := rule.deny with input as _fleet({}, {"gpus": 64, "surge": value})
		{row.remedy | some row in rows} == {"Set surge of budget.gpus in the environments data."}
	}
}
