package ployd.rules.pod.progress_deadline_test

import data.ployd.rules.pod.progress_deadline as rule

_load := {"optimistic": 350.6, "expected": 1372.6, "pessimistic": 6713}

_path := ["spec", "template", "spec", "containers", 0]

_input(kind, specification, load) := {
	"request": {"kind": {"group": "apps", "kind": kind}, "object": {"spec": specification}},
	"ployd": {"capacity": {"servers": [{
		"owner": "container vllm",
		"kind": kind,
		"path": _path,
		"weightsGiB": 641.3,
		"loadSeconds": load,
	}]}},
}

_default := {
	"msg": "the rollout counts as failed after 10m, the default, but loading the model takes about 22m53s, up to 1h51m53s",
	"path": ["spec", "progressDeadlineSeconds"],
	"remedy": "Set progressDeadlineSeconds to 6720, which covers a slow load.",
	"related": [{"msg": "container vllm loads 641.3 GiB of weights", "path": _path}],
}

test_warns_of_the_default_deadline if {
	every value in [{}, {"progressDeadlineSeconds": null}, {"progressDeadlineSeconds": "1200"}, {"progressDeadlineSeconds": 0}] {
		rows := rule.warn with input as _input("Deployment", value, _load)
		rows == {_default}
	}
}

test_warns_of_a_deadline_below_the_load if {
	rows := rule.warn with input as _input("Deployment", {"progressDeadlineSeconds": 1200}, _load)
	{row.msg | some row in rows} == {"the rollout counts as failed after 20m, but loading the model takes about 22m53s, up to 1h51m53s"}
}

test_allows_a_deadline_that_covers_it if {
	rule.warn == set() with input as _input("Deployment", {"progressDeadlineSeconds": 1373}, _load)
	rule.warn == set() with input as _input("Deployment", {}, {"expected": 600, "pessimistic": 900})
}

test_is_silent_on_unknown_models_other_kinds_and_deletions if {
	rule.warn == set() with input as _input("Deployment", {}, null)
	rule.warn == set() with input as _input("StatefulSet", {}, _load)
	asked := _input("Deployment", {}, _load)
	every document in [
		{},
		{"request": asked.request},
		json.patch(asked, [{"op": "replace", "path": "/request/object", "value": null}]),
		json.patch(asked, [{"op": "replace", "path": "/request/object/spec", "value": "x"}]),
	] {
		rule.warn == set() with input as document
	}
}
