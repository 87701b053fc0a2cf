package ployd.rules.budget.cost_test

import data.ployd.rules.budget.cost as rule

_server(gpu, hourly) := {
	"owner": "the model server",
	"kind": "ModelDeployment",
	"path": ["spec", "model"],
	"gpu": object.union({"path": ["spec", "resources", "gpu", "type"]}, gpu),
	"hourly": hourly,
}

_known := {"known": true, "name": "H100-80GB", "written": "NVIDIA-H100-80GB-HBM3", "remedy": ""}

_unknown := {"known": false, "name": "", "written": "tpu-v5", "remedy": "Add it to gpus.yaml."}

# Eight replicas of four GPUs at 4.5 each.
_hourly := {"gpuHours": {"min": 8, "max": 32}, "price": {"min": 36.0, "max": 144.0}, "currency": "USD"}

_judged_by(budget, servers, parameters) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
		"object": {"spec": {"scaling": {"minReplicas": 2, "maxReplicas": 8}, "budget": budget}},
	},
	"ployd": {"parameters": {"budget.cost": parameters}, "capacity": {"servers": servers}},
}

_judged(budget, parameters) := _judged_by(budget, [_server(_known, _hourly)], parameters)

_allowed(judged) if {
	rule.deny == set() with input as judged
	rule.warn == set() with input as judged
}

test_allows_a_model_within_its_limits if {
	every budget in [{"maxHourlyCost": 144}, {"maxHourlyCost": 144.5}, {}, {"maxHourlyCost": null}, null] {
		_allowed(_judged(budget, {"maxHourlyCost": null}))
		_allowed(_judged(budget, {"maxHourlyCost": 144}))
		_allowed(_judged(budget, {}))
	}
}

test_denies_a_limit_below_what_the_model_may_cost if {
	rule.deny == {{
		"msg": "an hour at maxReplicas costs 144 USD (4 GPUs x 8 replicas x 4.5), over budget.maxHourlyCost 130",
		"path": ["spec", "budget", "maxHourlyCost"],
		"remedy": "Lower maxReplicas to 7, or set maxHourlyCost to 144 or more.",
		"related": [{"msg": "counted with it", "path": ["spec", "scaling", "maxReplicas"]}],
	}} with input as _judged({"maxHourlyCost": 130}, {})
	rule.warn == set() with input as _judged({"maxHourlyCost": 130}, {})
}

test_denies_what_the_environment_does_not_allow if {
	rule.deny == {{
		"msg": "an hour at maxReplicas costs 144 USD (4 GPUs x 8 replicas x 4.5), over the 100 that a model may cost here",
		"path": ["spec", "scaling", "maxReplicas"],
		"remedy": "Lower maxReplicas to 5, or have the environment's limit raised.",
	}} with input as _judged({"maxHourlyCost": 144}, {"maxHourlyCost": 100})
}

test_says_so_where_not_even_one_replica_is_paid_for if {
	rows := rule.deny with input as _judged({"maxHourlyCost": 17}, {"maxHourlyCost": 0})
	{row.remedy | some row in rows} == {
		"Take fewer or cheaper GPUs, or set maxHourlyCost to 144 or more.",
		"Take fewer or cheaper GPUs, or have the environment's limit raised.",
	}
}

test_shows_the_sum_where_replicas_do_not_divide_it if {
	odd := {"gpuHours": {"min": 1, "max": 3}, "price": {"min": 0.8, "max": 2.4}, "currency": "USD"}
	rows := rule.deny with input as _judged_by({"maxHourlyCost": 2}, [_server(_known, odd)], {})
	{row.msg | some row in rows} == {"an hour at maxReplicas costs 2.4 USD (3 GPUs x 0.8), over budget.maxHourlyCost 2"}
	one := {"gpuHours": {"min": 1, "max": 8}, "price": {"min": 4.5, "max": 36}, "currency": "USD"}
	each := rule.deny with input as _judged_by({"maxHourlyCost": 2}, [_server(_known, one)], {})
	{row.msg | some row in each} == {"an hour at maxReplicas costs 36 USD (1 GPU x 8 replicas x 4.5), over budget.maxHourlyCost 2"}
}

test_warns_of_a_limit_that_nobody_can_check if {
	rule.warn == {{
		"msg": "what this model costs is not known: there is no price for H100-80GB, so budget.maxHourlyCost is not checked",
		"path": ["spec", "resources", "gpu", "type"],
		"remedy": "Add the hourly price of a H100-80GB to perGpuHour in prices.yaml.",
	}} with input as _judged_by({"maxHourlyCost": 130}, [_server(_known, object.union(_hourly, {"price": null}))], {})
}

test_warns_of_an_environment_limit_and_of_gpus_that_are_not_known if {
	rule.warn == {{
		"msg": "what this model costs is not known: there is no price for \"tpu-v5\", so the environment's maxHourlyCost is not checked",
		"path": ["spec", "resources", "gpu", "type"],
		"remedy": "Add it to gpus.yaml. Then add its hourly price to perGpuHour in prices.yaml.",
	}} with input as _judged_by({}, [_server(_unknown, null)], {"maxHourlyCost": 100})
	_allowed(_judged_by({}, [_server(_unknown, null)], {}))
	_allowed(_judged_by({"maxHourlyCost": 1}, [], {"maxHourlyCost": 1}))
}

test_denies_under_a_limit_that_is_no_amount if {
	every value in ["100", -1, true, [], {}] {
		rows := rule.deny with input as _judged({}, {"maxHourlyCost": value})
		{row.path | some row in rows} == {[]}
	}
}

test_is_silent_about_values_of_another_type if {
	every budget in [[], "x", 3, {"maxHourlyCost": "1"}, {"maxHourlyCost": -1}, {"maxHourlyCost": []}] {
		_allowed(_judged(budget, {}))
	}
	bare := {"request": {"kind": {"group": "ployd.ai", "kind": "ModelDeployment"}, "object": {}}}
	_allowed(bare)
	_allowed(object.union(bare, {"ployd": {"capacity": {"servers": [_server(_known, _hourly)]}}}))
}

test_is_silent_on_other_kinds_and_deletions if {
	every change in [{"kind": {"group": "apps", "kind": "Deployment"}}, {"kind": {"kind": "GatewayRoute"}}, {"object": null}] {
		_allowed(object.union(_judged({"maxHourlyCost": 1}, {"maxHourlyCost": 1}), {"request": change}))
	}
}
