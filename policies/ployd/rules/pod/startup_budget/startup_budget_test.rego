package ployd.rules.pod.startup_budget_test

import data.ployd.rules.pod.startup_budget as rule

_load := {"optimistic": 37.5, "expected": 120, "pessimistic": 450}

_input(kind, path, value, load) := {
	"request": {"kind": {"group": "", "kind": kind}, "object": value},
	"ployd": {
		"parameters": {"pod.startup_budget": {"leastSeconds": 120, "recommendedSeconds": 600}},
		"capacity": {"servers": [{"owner": "the server", "kind": kind, "path": path, "loadSeconds": load}]},
	},
}

_model(health, load) := _input("ModelDeployment", ["spec", "model"], {"spec": {"health": health}}, load)

_pod(container, load) := _input("Pod", ["spec", "containers", 0], {"spec": {"containers": [container]}}, load)

_health := ["spec", "health"]

test_denies_a_startup_probe_that_gives_up_before_any_load_ends if {
	asked := _model({"startupProbe": {"httpGet": {}}, "livenessProbe": {}}, _load)
	rule.deny == {{
		"msg": "the server has 30s to start (3 x 10 s), but loading takes about 2m, 38s at the least",
		"path": array.concat(_health, ["startupProbe", "failureThreshold"]),
		"remedy": "Set startupProbe.failureThreshold to 45: x 10 s covers a slow load of 7m30s.",
	}} with input as asked
	rule.warn == set() with input as asked
}

test_warns_of_a_startup_probe_below_the_expected_load if {
	asked := _pod({"startupProbe": {"initialDelaySeconds": 15, "periodSeconds": 5, "failureThreshold": 20}}, _load)
	rule.warn == {{
		"msg": "the server has 1m55s to start (15 s + 20 x 5 s), but loading takes about 2m, 38s at the least",
		"path": ["spec", "containers", 0, "startupProbe", "failureThreshold"],
		"remedy": "Set startupProbe.failureThreshold to 87: x 5 s covers a slow load of 7m30s.",
	}} with input as asked
	rule.deny == set() with input as asked
}

test_denies_a_liveness_probe_alone_that_ends_the_load if {
	asked := _model({"livenessProbe": {"initialDelaySeconds": 60}, "readinessProbe": {"initialDelaySeconds": 30}}, _load)
	rule.deny == {{
		"msg": concat("", [
			"the server is restarted after 1m30s (livenessProbe, 60 s + 3 x 10 s), ",
			"and no startupProbe holds that back: loading takes about 2m",
		]),
		"path": array.concat(_health, ["startupProbe"]),
		"remedy": "Add a startupProbe like the livenessProbe, with periodSeconds 10 and failureThreshold 45 for a slow load of 7m30s, without a delay.",
		"related": [{"msg": "the livenessProbe", "path": array.concat(_health, ["livenessProbe"])}],
	}} with input as asked
	rule.warn == set() with input as asked
	every container in [{"livenessProbe": {}}, {"livenessProbe": {}, "startupProbe": null}, {"livenessProbe": {}, "startupProbe": "x"}] {
		rows := rule.deny with input as _pod(container, _load)
		{row.path | some row in rows} == {["spec", "containers", 0, "startupProbe"]}
	}
}

test_warns_of_a_liveness_probe_alone_that_ends_a_slow_load if {
	asked := _pod({"livenessProbe": {"initialDelaySeconds": 120}}, _load)
	rule.warn == {{
		"msg": concat("", [
			"the server is restarted after 2m30s (livenessProbe, 120 s + 3 x 10 s), ",
			"and no startupProbe holds that back: loading takes up to 7m30s",
		]),
		"path": ["spec", "containers", 0, "startupProbe"],
		"remedy": "Add a startupProbe like the livenessProbe, with periodSeconds 10 and failureThreshold 45 for a slow load of 7m30s, without a delay.",
		"related": [{"msg": "the livenessProbe", "path": ["spec", "containers", 0, "livenessProbe"]}],
	}} with input as asked
	rule.deny == set() with input as asked
}

test_warns_of_a_startup_probe_where_the_model_is_not_known if {
	every load in [null, "x"] {
		asked := _model({"startupProbe": {"failureThreshold": 9}}, load)
		rule.warn == {{
			"msg": "the server has 1m30s to start (9 x 10 s); the model is not known, but hardly any takes less than 2m",
			"path": array.concat(_health, ["startupProbe", "failureThreshold"]),
			"remedy": "Set startupProbe.failureThreshold to 60: x 10 s covers a slow load of 10m.",
		}} with input as asked
		rule.deny == set() with input as asked
	}
}

test_denies_a_liveness_probe_alone_where_the_model_is_not_known if {
	asked := _model({"livenessProbe": {"initialDelaySeconds": 60}}, null)
	rule.deny == {{
		"msg": concat("", [
			"the server is restarted after 1m30s (livenessProbe, 60 s + 3 x 10 s), ",
			"and no startupProbe holds that back: the model is not known, but hardly any takes less than 2m",
		]),
		"path": array.concat(_health, ["startupProbe"]),
		"remedy": "Add a startupProbe like the livenessProbe, with periodSeconds 10 and failureThreshold 60 for a slow load of 10m, without a delay.",
		"related": [{"msg": "the livenessProbe", "path": array.concat(_health, ["livenessProbe"])}],
	}} with input as asked
	rule.warn == set() with input as asked
}

test_allows_probes_that_wait_long_enough if {
	every load in [_load, null] {
		every health in [
			{"startupProbe": {"failureThreshold": 60}, "livenessProbe": {"failureThreshold": 1}},
			{"startupProbe": {"initialDelaySeconds": 570}},
			{"livenessProbe": {"initialDelaySeconds": 570}},
		] {
			rule.deny == set() with input as _model(health, load)
			rule.warn == set() with input as _model(health, load)
			rule.deny == set() with input as _pod(health, load)
			rule.warn == set() with input as _pod(health, load)
		}
	}
}

test_denies_everything_of_unknown_models_under_a_parameter_that_is_no_number if {
	every value in ["600", 0, -1, null, [], {}, true] {
		every name in ["leastSeconds", "recommendedSeconds"] {
			asked := json.patch(_model({"startupProbe": {"failureThreshold": 900}}, null), [{
				"op": "replace",
				"path": sprintf("/ployd/parameters/pod.startup_budget/%s", [name]),
				"value": value,
			}])
			rows := rule.deny with input as asked
			{row.path | some row in rows} == {[]}
		}
	}
	known := json.remove(_model({"startupProbe": {"failureThreshold": 900}}, _load), ["/ployd/parameters"])
	rule.deny == set() with input as known
}

test_is_silent_without_probes_and_servers_and_on_deletions if {
	every value in [null, "x", [], {}] {
		rule.deny == set() with input as _model(value, _load)
		rule.deny == set() with input as _pod(value, _load)
	}
	asked := _model({"livenessProbe": {}}, _load)
	every document in [
		{},
		{"request": asked.request},
		json.patch(asked, [{"op": "replace", "path": "/request/object", "value": null}]),
		json.patch(asked, [{"op": "replace", "path": "/ployd/capacity/servers", "value": []}]),
	] {
		rule.deny == set() with input as document
		rule.warn == set() with input as document
	}
}
