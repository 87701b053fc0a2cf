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
