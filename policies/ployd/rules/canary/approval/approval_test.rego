package ployd.rules.canary.approval_test

import data.ployd.rules.canary.approval as rule

_strict := {"required": true, "automaticRollback": true}

_relaxed := {"required": false, "automaticRollback": false}

_given := {"required": true, "approvers": ["chat-team-leads"]}

_judged(spec, parameters) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "CanaryDeployment"},
		"object": {"spec": object.union({"traffic": {"maxWeight": 50}}, spec)},
	},
	"ployd": {"parameters": {"canary.approval": parameters}},
}

test_allows_a_promotion_that_a_group_approves if {
	every spec in [
		{"approval": _given},
		{"approval": object.union(_given, {"beforeWeight": 50})},
		{"approval": object.union(_given, {"beforeWeight": 0}), "rollback": {"automatic": true}},
		{"approval": _given, "rollback": {"automatic": null}},
		{"approval": _given, "rollback": null},
	] {
		rule.deny == set() with input as _judged(spec, _strict)
	}
}

test_denies_a_promotion_without_a_person if {
	rule.deny == {{
		"msg": "approval.required is false: the canary is promoted without a person",
		"path": ["spec", "approval", "required"],
		"remedy": "Set approval.required to true and name the groups that decide under approval.approvers.",
	}} with input as _judged({"approval": {"required": false}}, _strict)
}

test_denies_absent_null_and_wrong_approvals if {
	every approval in [null, [], "yes", 3, {}, {"required": null}, {"required": "true"}, {"approvers": ["a"]}] {
		every parameters in [_strict, {}, null, {"required": "no"}] {
			rows := rule.deny with input as _judged({"approval": approval}, parameters)
			{row.path | some row in rows} == {["spec", "approval", "required"]}
		}
	}
	rows := rule.deny with input as _judged({}, _strict)
	{row.msg | some row in rows} == {"approval.required is not set: the canary is promoted without a person"}
}

test_denies_an_approval_by_nobody_in_particular if {
	every approvers in [[], null, "chat-team-leads", {}] {
		rule.deny == {{
			"msg": "approval.approvers names no group, so whoever may write to the cluster approves the promotion",
			"path": ["spec", "approval", "approvers"],
			"remedy": "Name at least one group under approval.approvers.",
			"related": [{"msg": "the approval", "path": ["spec", "approval", "required"]}],
		}} with input as _judged({"approval": {"required": true, "approvers": approvers}}, _strict)
	}
	rows := rule.deny with input as _judged({"approval": {"required": true}}, _strict)
	{row.path | some row in rows} == {["spec", "approval", "approvers"]}
}

test_denies_a_gate_beyond_the_last_weight_everywhere if {
	rule.deny == {{
		"msg": "approval.beforeWeight 60 is above every weight on the way (up to 50), so it is never asked for",
		"path": ["spec", "approval", "beforeWeight"],
		"remedy": "Set beforeWeight to 50 or less, or leave it out and set approval.required for the promotion.",
		"related": [{"msg": "the last weight", "path": ["spec", "traffic", "maxWeight"]}],
	}} with input as _judged({"approval": {"beforeWeight": 60}}, _relaxed)
}

test_takes_explicit_steps_before_the_maximum if {
	traffic := {"maxWeight": 100, "steps": [{"weight": 10}, {"weight": 25}]}
	rows := rule.deny with input as _judged({"approval": {"beforeWeight": 50}, "traffic": traffic}, _relaxed)
	{row.msg | some row in rows} == {"approval.beforeWeight 50 is above every weight on the way (up to 25), so it is never asked for"}
	{row.related | some row in rows} == {[{"msg": "the last weight", "path": ["spec", "traffic", "steps", 1]}]}
	rule.deny == set() with input as _judged({"approval": {"beforeWeight": 25}, "traffic": traffic}, _relaxed)
}

test_is_silent_about_gates_and_weights_that_are_no_numbers if {
	every gate in [null, "60", -1, 1.5, true, [], {}] {
		rule.deny == set() with input as _judged({"approval": {"beforeWeight": gate}}, _relaxed)
	}
	every traffic in [null, [], {"maxWeight": null}, {"steps": [{"weight": "a"}, "b", null]}] {
		spec := {"approval": {"beforeWeight": 60}, "traffic": traffic}
		request := {"kind": {"group": "ployd.ai", "kind": "CanaryDeployment"}, "object": {"spec": spec}}
		rule.deny == set() with input as {"request": request, "ployd": {"parameters": {"canary.approval": _relaxed}}}
	}
}

test_denies_a_rollback_that_waits_for_a_person if {
	every parameters in [_strict, {}, {"automaticRollback": null}] {
		rule.deny == {{
			"msg": "rollback.automatic is false: when checks fail, users stay on the canary until a person comes",
			"path": ["spec", "rollback", "automatic"],
			"remedy": "Set rollback.automatic to true, or leave it out.",
		}} with input as _judged({"approval": _given, "rollback": {"automatic": false}}, parameters)
	}
}

test_allows_both_where_the_environment_does if {
	rule.deny == set() with input as _judged({"rollback": {"automatic": false}}, _relaxed)
}

test_is_silent_on_other_kinds_and_deletions if {
	route := {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": {"spec": {}}}
	gone := {"kind": {"group": "ployd.ai", "kind": "CanaryDeployment"}, "object": null}
	every request in [route, gone] {
		rule.deny == set() with input as {"request": request}
	}
}
