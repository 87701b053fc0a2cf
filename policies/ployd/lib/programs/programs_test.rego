package ployd.lib.programs_test

import data.ployd.lib.programs

_pod(specification) := {"kind": {"group": "", "kind": "Pod"}, "object": {"spec": specification}}

_model(model) := {"kind": {"group": "ployd.ai", "kind": "ModelDeployment"}, "object": {"spec": {"model": model}}}

test_reads_what_containers_are_started_with if {
	env := [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {}}, {"name": "C", "value": "2"}]
	programs.of(_pod({
		"initContainers": [{"name": "fetch", "command": ["sh", "-c"], "args": ["true"]}],
		"containers": [{"name": "vllm", "env": env}],
	})) == [
		{
			"owner": "container fetch",
			"variables": [],
			"arguments": [
				{"text": "sh", "path": ["spec", "initContainers", 0, "command", 0]},
				{"text": "-c", "path": ["spec", "initContainers", 0, "command", 1]},
				{"text": "true", "path": ["spec", "initContainers", 0, "args", 0]},
			],
		},
		{
			"owner": "container vllm",
			"variables": [
				{"name": "A", "text": "1", "path": ["spec", "containers", 0, "env", 0, "value"]},
				{"name": "C", "text": "2", "path": ["spec", "containers", 0, "env", 2, "value"]},
			],
			"arguments": [],
		},
	]
}

test_reads_what_the_server_of_a_model_is_started_with if {
	programs.of(_model({"env": [{"name": "A", "value": "1"}], "vllm": {"extraArgs": ["--x", 3]}})) == [{
		"owner": "the model server",
		"variables": [{"name": "A", "text": "1", "path": ["spec", "model", "env", 0, "value"]}],
		"arguments": [{"text": "--x", "path": ["spec", "model", "vllm", "extraArgs", 0]}],
	}]
}

test_passes_over_everything_else if {
	every odd in [null, "x", 3, true, [], {}, ["x", null, 3], [{"name": 3, "value": 3}]] {
		[program.variables | some program in programs.of(_model({"env": odd}))] == [[]]
		[program.arguments | some program in programs.of(_model({"vllm": odd}))] == [[]]
		[program.variables | some program in programs.of(_pod({"containers": [{"name": "a", "env": odd}]}))] == [[]]
		count(programs.of({"kind": {"group": "", "kind": "Pod"}, "object": odd})) == 0
	}
	programs.of({"kind": {"group": "", "kind": "Service"}, "object": {"spec": {"containers": [{"name": "a"}]}}}) == []
	[program.arguments | some program in programs.of(_model({"vllm": {"extraArgs": null}}))] == [[]]
	[program.arguments | some program in programs.of(_model({}))] == [[]]
	programs.of(_model(null)) == []
	programs.of({}) == []
}
