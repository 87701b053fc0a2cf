package ployd.rules.pod.graceful_stop_test

import data.ployd.rules.pod.graceful_stop as rule

_input(kind, path, value, timeout) := {
	"request": {"kind": {"group": "", "kind": kind}, "object": value},
	"ployd": {"capacity": {"servers": [{
		"owner": "the server",
		"kind": kind,
		"path": path,
		"settings": {"shutdown_timeout": {"value": timeout, "path": []}},
	}]}},
}

_model(specification, timeout) := _input("ModelDeployment", ["spec", "model"], {"spec": specification}, timeout)

_pod(grace, hook, timeout) := _input(
	"Deployment",
	["spec", "template", "spec", "containers", 0],
	{"spec": {"template": {"spec": {
		"terminationGracePeriodSeconds": grace,
		"containers": [{"lifecycle": {"preStop": hook}}],
	}}}},
	timeout,
)

_sleeps := {"exec": {"command": ["/bin/sleep", "15"]}}

test_warns_of_a_grace_period_that_ends_before_the_drain if {
	rule.warn == {{
		"msg": "the server needs 60 s to stop (60 s shutdown_timeout), but is killed after 45 s",
		"path": ["spec", "terminationGracePeriodSeconds"],
		"remedy": "Set terminationGracePeriodSeconds above 60, or shutdown_timeout below 45.",
	}} with input as _model({"terminationGracePeriodSeconds": 45}, 60)
}

test_warns_of_the_default if {
	every specification in [{}, {"terminationGracePeriodSeconds": null}, {"terminationGracePeriodSeconds": "90"}, {"terminationGracePeriodSeconds": -1}] {
		rule.warn == {{
			"msg": "the server needs 30 s to stop (30 s shutdown_timeout), but is killed after 30 s, the default",
			"path": ["spec", "terminationGracePeriodSeconds"],
			"remedy": "Set terminationGracePeriodSeconds above 30, or shutdown_timeout below 30.",
		}} with input as _model(specification, 30)
	}
}

test_warns_of_the_sum_with_a_pre_stop_hook if {
	rule.warn == {{
		"msg": "the server needs 75 s to stop (15 s preStop + 60 s --shutdown-timeout), but is killed after 60 s",
		"path": ["spec", "template", "spec", "terminationGracePeriodSeconds"],
		"remedy": "Set terminationGracePeriodSeconds above 75, or --shutdown-timeout below 45.",
	}} with input as _pod(60, _sleeps, 60)
	rows := rule.warn with input as _pod(60, {"sleep": {"seconds": 15}}, 60)
	{row.remedy | some row in rows} == {"Set terminationGracePeriodSeconds above 75, or --shutdown-timeout below 45."}
	scripted := rule.warn with input as _pod(60, {"exec": {"command": ["sh", "-c", "echo bye; sleep 010 && /bin/sleep 50"]}}, 0)
	{row.msg | some row in scripted} == {"the server needs 60 s to stop (60 s preStop), but is killed after 60 s"}
	{row.remedy | some row in scripted} == {"Set terminationGracePeriodSeconds above 60."}
	nothing := rule.warn with input as _pod(10, _sleeps, 60)
	{row.remedy | some row in nothing} == {"Set terminationGracePeriodSeconds above 75."}
}

test_allows_a_longer_grace_period if {
	rule.warn == set() with input as _model({"terminationGracePeriodSeconds": 61}, 60)
	rule.warn == set() with input as _pod(76, _sleeps, 60)
	rule.warn == set() with input as _pod(null, null, 29)
}

test_is_silent_where_nothing_asks_for_time if {
	every timeout in [null, 0, "60", -1, true, []] {
		rule.warn == set() with input as _model({"terminationGracePeriodSeconds": 0}, timeout)
		rule.warn == set() with input as _pod(0, null, timeout)
	}
	strange := [
		"x", [], {},
		{"exec": null},
		{"exec": {"command": "sleep 60"}},
		{"exec": {"command": ["echo", 3, "sleepless 60"]}},
		{"sleep": {}},
		{"sleep": "x"},
		{"sleep": 3},
	]
	every hook in strange {
		rule.warn == set() with input as _pod(1, hook, 0)
	}
}

test_is_silent_on_other_objects_and_deletions if {
	asked := _pod(1, _sleeps, 60)
	every document in [
		{},
		{"request": asked.request},
		json.patch(asked, [{"op": "replace", "path": "/request/object", "value": null}]),
	] {
		rule.warn == set() with input as document
	}
	rule.warn == set() with input as _model(null, 60)
}
