package ployd.rules.canary.weights_and_steps_test

import data.ployd.rules.canary.weights_and_steps as rule

_judged(traffic) := {"request": {
	"kind": {"group": "ployd.ai", "version": "v1", "kind": "CanaryDeployment"},
	"object": {"spec": {"traffic": traffic}},
}}

_base := {"canaryWeight": 10, "maxWeight": 100, "stepWeight": 10, "interval": "5m"}

_with(changes) := _judged(object.union(_base, changes))

_stepped(steps) := _judged({"maxWeight": 100, "interval": "5m", "steps": steps})

_messages(rows) := {row.msg | some row in rows}

test_allows_steps_that_meet_the_end if {
	every changes in [{}, {"canaryWeight": 0}, {"canaryWeight": 100}, {"stepWeight": 90}, {"maxWeight": 50, "stepWeight": 20}] {
		rule.deny == set() with input as _with(changes)
		rule.warn == set() with input as _with(changes)
	}
}

test_warns_of_a_last_step_cut_short if {
	rule.warn == {{
		"msg": "steps of 40 from 10 do not meet maxWeight 100: the last one is cut short",
		"path": ["spec", "traffic", "stepWeight"],
		"remedy": "Set stepWeight to a divisor of 90.",
	}} with input as _with({"stepWeight": 40})
	rule.deny == set() with input as _with({"stepWeight": 40})
	rows := rule.warn with input as _with({"stepWeight": 95})
	count(rows) == 1
}

test_denies_a_start_above_the_end if {
	rule.deny == {{
		"msg": "canaryWeight 60 is more than maxWeight 50",
		"path": ["spec", "traffic", "canaryWeight"],
		"remedy": "Set canaryWeight to 50 or less, or maxWeight to 60 or more.",
		"related": [{"msg": "where it shall end", "path": ["spec", "traffic", "maxWeight"]}],
	}} with input as _with({"canaryWeight": 60, "maxWeight": 50})
}

test_denies_a_step_of_nothing if {
	rule.deny == {{
		"msg": "stepWeight is 0, so the canary stays at 10 and never reaches 100",
		"path": ["spec", "traffic", "stepWeight"],
		"remedy": "Set stepWeight to a divisor of 90.",
	}} with input as _with({"stepWeight": 0})
}

test_denies_an_end_of_nothing if {
	rows := rule.deny with input as _with({"canaryWeight": 0, "maxWeight": 0})
	_messages(rows) == {"maxWeight is 0, so the canary never gets a request and nothing can be analysed"}
}

test_denies_weights_absent_null_wrong_and_out_of_range if {
	every field in ["canaryWeight", "maxWeight", "stepWeight"] {
		every value in [null, "10", 10.5, -1, 101, true, [], {}, ""] {
			rows := rule.deny with input as _with({field: value})
			{row.path | some row in rows} == {["spec", "traffic", field]}
		}
		absent := rule.deny with input as _judged(object.remove(_base, [field]))
		_messages(absent) == {sprintf("%s is not set; it must be a whole number from 0 to 100", [field])}
	}
}

test_denies_a_missing_section if {
	every traffic in [null, [], "x", 5, {}] {
		rows := rule.deny with input as _judged(traffic)
		{row.path[2] | some row in rows} == {"canaryWeight", "maxWeight", "stepWeight", "interval"}
	}
	bare := {"request": {"kind": {"group": "ployd.ai", "kind": "CanaryDeployment"}, "object": {}}}
	rows := rule.deny with input as bare
	count(rows) == 4
}

test_allows_rising_steps_to_the_end if {
	every steps in [[5, 25, 50, 100], [100], [{"weight": 5}, {"weight": 100}]] {
		rule.deny == set() with input as _stepped(steps)
		rule.warn == set() with input as _stepped(steps)
	}
	rule.deny == set() with input as _with({"steps": [10, 40, 100], "stepWeight": 0})
	rule.warn == set() with input as _with({"steps": [10, 40, 100], "stepWeight": 7})
}

test_denies_steps_that_do_not_rise if {
	rule.deny == {{
		"msg": "step 3 goes to 20, which is no more than the 50 before it",
		"path": ["spec", "traffic", "steps", 2],
		"remedy": "Write the steps in rising order, each once.",
	}} with input as _stepped([5, 50, 20, 100])
	rows := rule.deny with input as _stepped([{"weight": 100}, {"weight": 100}])
	_messages(rows) == {"step 2 goes to 100, which is no more than the 100 before it"}
}

test_denies_steps_that_end_elsewhere if {
	rule.deny == {{
		"msg": "the last step goes to 50, not to maxWeight 100",
		"path": ["spec", "traffic", "steps", 1],
		"remedy": "End the steps at 100, or set maxWeight to 50.",
		"related": [{"msg": "where it shall end", "path": ["spec", "traffic", "maxWeight"]}],
	}} with input as _stepped([5, 50])
}

test_denies_a_first_step_below_the_start if {
	rows := rule.deny with input as _with({"canaryWeight": 10, "steps": [5, 100]})
	_messages(rows) == {"the first step goes to 5, less than the canaryWeight 10 it starts from"}
}

test_denies_steps_of_another_type if {
	every step in ["5", null, 5.5, -1, 101, true, [], {}, {"weight": null}, {"weight": "5"}] {
		rows := rule.deny with input as _stepped([step, 100])
		{row.path | some row in rows} == {["spec", "traffic", "steps", 0]}
	}
}

test_takes_empty_steps_for_none if {
	every steps in [[], null, {}, "5,100"] {
		rows := rule.deny with input as _stepped(steps)
		{row.path[2] | some row in rows} == {"canaryWeight", "stepWeight"}
	}
}

test_allows_durations_of_kubernetes if {
	every interval in ["5m", "30s", "1h30m", "500ms", "90s", "1.5m", "0.5s"] {
		rule.deny == set() with input as _with({"interval": interval})
	}
}

test_denies_intervals_that_cannot_be_read if {
	every interval in ["", "5", "0s", "0h0m", "0.0s", "5 m", "five", "-5m", "5M", null, 5, true, [], {}] {
		rows := rule.deny with input as _with({"interval": interval})
		{row.path | some row in rows} == {["spec", "traffic", "interval"]}
	}
	rows := rule.deny with input as _with({"interval": "5 minutes"})
	_messages(rows) == {"interval is \"5 minutes\"; it must be a duration above zero such as 30s, 5m or 1h30m"}
}

test_denies_intervals_of_steps_that_cannot_be_read if {
	every interval in ["", "5", "0s", "five", 5, true, [], {}] {
		rows := rule.deny with input as _stepped([{"weight": 5, "interval": "10m"}, {"weight": 100, "interval": interval}])
		{row.path | some row in rows} == {["spec", "traffic", "steps", 1, "interval"]}
	}
	rows := rule.deny with input as _stepped([{"weight": 100, "interval": "0s"}])
	_messages(rows) == {"the interval of step 1 is \"0s\"; it must be a duration above zero"}
	rule.deny == set() with input as _stepped([{"weight": 100, "interval": null}])
}

test_is_silent_on_other_kinds_and_deletions if {
	route := {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": {"spec": {}}}
	gone := {"kind": {"group": "ployd.ai", "kind": "CanaryDeployment"}, "object": null}
	every request in [route, gone] {
		rule.deny == set() with input as {"request": request}
		rule.warn == set() with input as {"request": request}
	}
}
