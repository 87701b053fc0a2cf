package ployd.rules.scaling.bounds_test

import data.ployd.rules.scaling.bounds as rule

_parameters := {"minReplicas": 2, "maxReplicas": 8, "scaleToZero": false}

_judged(scaling, parameters) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
		"object": {"spec": {"scaling": scaling}},
	},
	"ployd": {"parameters": {"scaling.bounds": parameters}},
}

test_allows_bounds_within_the_limits if {
	every scaling in [
		{"minReplicas": 2, "maxReplicas": 8},
		{"minReplicas": 8, "maxReplicas": 8},
		{"minReplicas": 2, "maxReplicas": 2, "targetGPUUtilization": null},
		{"minReplicas": 2, "maxReplicas": 3, "targetGPUUtilization": 1},
		{"minReplicas": 2, "maxReplicas": 3, "targetGPUUtilization": 100},
	] {
		rule.deny == set() with input as _judged(scaling, _parameters)
	}
}

test_denies_a_minimum_above_the_maximum if {
	rule.deny == {{
		"msg": "minReplicas 5 is more than maxReplicas 3",
		"path": ["spec", "scaling", "minReplicas"],
		"remedy": "Set minReplicas to 3 or less, or maxReplicas to 5 or more.",
		"related": [{"msg": "the upper bound", "path": ["spec", "scaling", "maxReplicas"]}],
	}} with input as _judged({"minReplicas": 5, "maxReplicas": 3}, _parameters)
}

test_denies_scaling_beyond_the_maximum if {
	scaling := {"minReplicas": 2, "maxReplicas": 3, "replicas": 4}
	review := object.union(_judged(scaling, _parameters), {"request": {"subResource": "scale"}})
	rule.deny == {{
		"msg": "4 replicas are more than maxReplicas 3",
		"path": ["spec", "scaling", "replicas"],
		"remedy": "Scale to 3 at most, or raise maxReplicas first.",
		"related": [{"msg": "the upper bound", "path": ["spec", "scaling", "maxReplicas"]}],
	}} with input as review
	every fitting in [object.union(review, {"request": {"object": {"spec": {"scaling": {"replicas": 3}}}}}), _judged(scaling, _parameters)] {
		rule.deny == set() with input as fitting
	}
}

test_denies_more_replicas_than_allowed if {
	rule.deny == {{
		"msg": "maxReplicas 50 is more than the 8 allowed here",
		"path": ["spec", "scaling", "maxReplicas"],
		"remedy": "Set maxReplicas to 8 or less, or have the environment's limit raised.",
	}} with input as _judged({"minReplicas": 2, "maxReplicas": 50}, _parameters)
}

test_denies_fewer_replicas_than_demanded if {
	rule.deny == {{
		"msg": "minReplicas 1 is less than the 2 demanded here",
		"path": ["spec", "scaling", "minReplicas"],
		"remedy": "Set minReplicas to 2 or more.",
	}} with input as _judged({"minReplicas": 1, "maxReplicas": 4}, _parameters)
}

test_takes_an_unset_minimum_for_the_one_of_kubernetes if {
	every scaling in [{"maxReplicas": 4}, {"maxReplicas": 4, "minReplicas": null}] {
		rows := rule.deny with input as _judged(scaling, _parameters)
		{row.msg | some row in rows} == {"minReplicas 1 is less than the 2 demanded here"}
		relaxed := object.union(_parameters, {"minReplicas": 1})
		rule.deny == set() with input as _judged(scaling, relaxed)
	}
}

test_denies_a_missing_maximum if {
	every scaling in [{"minReplicas": 2}, {"minReplicas": 2, "maxReplicas": null}] {
		rule.deny == {{
			"msg": "maxReplicas is not set; without a bound this model may take every GPU",
			"path": ["spec", "scaling", "maxReplicas"],
			"remedy": "Set scaling.maxReplicas to a whole number of at least 1.",
		}} with input as _judged(scaling, _parameters)
	}
}

test_denies_a_missing_section if {
	every scaling in [null, [], "2", 2, {}] {
		rows := rule.deny with input as _judged(scaling, _parameters)
		{row.path[2] | some row in rows} == {"minReplicas", "maxReplicas"}
	}
	nothing := {
		"request": {"kind": {"group": "ployd.ai", "kind": "ModelDeployment"}, "object": {}},
		"ployd": {"parameters": {"scaling.bounds": _parameters}},
	}
	rows := rule.deny with input as nothing
	{row.path[2] | some row in rows} == {"minReplicas", "maxReplicas"}
}

test_denies_bounds_of_another_type if {
	every value in ["2", 2.5, true, [], {}, -1] {
		low := rule.deny with input as _judged({"minReplicas": value, "maxReplicas": 4}, _parameters)
		{row.path | some row in low} == {["spec", "scaling", "minReplicas"]}
		high := rule.deny with input as _judged({"minReplicas": 2, "maxReplicas": value}, _parameters)
		{row.path | some row in high} == {["spec", "scaling", "maxReplicas"]}
	}
}

test_says_which_value_is_no_number if {
	rule.deny == {{
		"msg": "minReplicas is \"two\"; it must be a whole number",
		"path": ["spec", "scaling", "minReplicas"],
		"remedy": "Write scaling.minReplicas as a whole number, without quotes.",
	}} with input as _judged({"minReplicas": "two", "maxReplicas": 4}, _parameters)
}

test_denies_zero_where_nothing_wakes_the_model_up if {
	scaling := {"minReplicas": 0, "maxReplicas": 4}
	every parameters in [_parameters, object.remove(_parameters, ["scaleToZero"])] {
		rule.deny == {{
			"msg": "minReplicas 0 lets the model go to no replica, and nothing here starts it again",
			"path": ["spec", "scaling", "minReplicas"],
			"remedy": "Set minReplicas to 1 or more, or set scaleToZero where KEDA or the like wakes models up.",
		}} with input as _judged(scaling, parameters)
	}
	rule.deny == set() with input as _judged(scaling, object.union(_parameters, {"scaleToZero": true}))
}

test_denies_a_utilization_that_is_no_percentage if {
	every value in [0, 101, 0.7, -5, "70", true, [], {}] {
		scaling := {"minReplicas": 2, "maxReplicas": 4, "targetGPUUtilization": value}
		rows := rule.deny with input as _judged(scaling, _parameters)
		{row.path | some row in rows} == {["spec", "scaling", "targetGPUUtilization"]}
	}
	rows := rule.deny with input as _judged({"minReplicas": 2, "maxReplicas": 4, "targetGPUUtilization": 0.7}, _parameters)
	{row.msg | some row in rows} == {"targetGPUUtilization is 0.7; it must be a number from 1 to 100"}
}

test_denies_everything_without_parameters if {
	scaling := {"minReplicas": 2, "maxReplicas": 4}
	every parameters in [{}, null, [], {"minReplicas": "2", "maxReplicas": 0}] {
		rows := rule.deny with input as _judged(scaling, parameters)
		count(rows) == 2
	}
	rows := rule.deny with input as {"request": _judged(scaling, {}).request}
	{row.msg | some row in rows} == {
		"parameter minReplicas of rule scaling.bounds is not set; it must be a whole number of at least 1, or nothing can be allowed",
		"parameter maxReplicas of rule scaling.bounds is not set; it must be a whole number of at least 1, or nothing can be allowed",
	}
}

test_is_silent_on_other_kinds_and_deletions if {
	route := {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": {"spec": {}}}
	gone := {"kind": {"group": "ployd.ai", "kind": "ModelDeployment"}, "object": null}
	every request in [route, gone] {
		rule.deny == set() with input as {"request": request}
	}
}
