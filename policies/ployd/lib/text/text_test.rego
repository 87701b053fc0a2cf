package ployd.lib.text_test

import data.ployd.lib.text

_server := {
	"kind": "ModelDeployment",
	"path": ["spec", "model"],
	"version": {"text": "0.19.1", "path": ["spec", "model", "image"]},
	"gpu": {"name": "A10G", "written": "a10g", "path": ["spec", "resources", "gpu", "type"], "alternatives": []},
	"model": {"name": "meta-llama/Llama-2-7b-hf", "exact": true, "path": ["spec", "model", "path"]},
	"parallel": {"tensor": 2, "pipeline": 1, "copies": 1, "gpus": 2},
	"remedies": {
		"fittingTensorParallelSizes": [1, 4, 8],
		"gpus": [{"name": "A10G", "count": 4}, {"name": "L4", "count": 4}, {"name": "H100-80GB", "count": 1}, {"name": "B200", "count": 1}],
	},
}

_with(path, value) := json.patch(_server, [{"op": "replace", "path": path, "value": value}])

test_sets_thousands_apart if {
	expected := {0: "0", 7: "7", 999: "999", 1000: "1,000", 131072: "131,072", 1048576: "1,048,576", 999999: "999,999"}
	every number, written in expected {
		text.thousands(number) == written
	}
	text.thousands(12.9) == "12"
	text.thousands(9007199254740993) == "9,007,199,254,740,993"
	every odd in [-1, "1", null, true, [], {}] {
		not text.thousands(odd)
	}
}

test_writes_memory_to_what_matters if {
	[text.gib(amount) | some amount in [0, -3.2, 0.004, 0.05, 1.25, 2, 9.994, 9.999, 10, 65.84, 65.86, 131.4249]] == [
		"0 GiB", "0 GiB", "0.00 GiB", "0.05 GiB", "1.25 GiB", "2.00 GiB", "9.99 GiB", "10.00 GiB", "10.0 GiB", "65.8 GiB", "65.9 GiB",
		"131.4 GiB",
	]
}

test_writes_amounts_that_nobody_has if {
	text.gib(100000000000000) == "100000000000000 GiB"
	startswith(text.gib(1e300), "1")
}

test_writes_an_interval_from_its_lower_to_its_upper_end if {
	text.between({"optimistic": 64.2, "expected": 65.84, "pessimistic": 67.9}) == "65.8 GiB (64.2 to 67.9)"
	text.between({"optimistic": 1.5, "expected": 0.97, "pessimistic": -0.4}) == "0.97 GiB (0 to 1.50)"
	text.between({"optimistic": 2.5, "expected": 2.5, "pessimistic": 2.5}) == "2.50 GiB"
}

test_makes_a_sentence_of_ways if {
	text.sentence(["set a to 1"]) == "Set a to 1."
	text.sentence(["set a to 1", "take 1 x L4"]) == "Set a to 1, or take 1 x L4."
	not text.sentence([])
}

test_offers_more_of_the_same_gpus if {
	text.split_otherwise(_server) == ["set tensor_parallel_size to 4 on 4 GPUs"]
	text.split_otherwise(_with("/remedies/fittingTensorParallelSizes", [1, 2])) == ["set tensor_parallel_size to 1 on 1 GPU"]
	text.split_otherwise(_with("/remedies/fittingTensorParallelSizes", [2])) == []
	text.split_otherwise(_with("/parallel", {"tensor": 2, "pipeline": 2, "copies": 1})) == ["set tensor_parallel_size to 4 on 8 GPUs"]
	text.split_otherwise(_with("/kind", "Deployment")) == ["set --tensor-parallel-size to 4 on 4 GPUs"]
}

test_offers_other_gpus if {
	text.other_gpus(_server) == ["take 4 x L4 or 1 x H100-80GB"]
	text.other_gpus(_with("/remedies/gpus", [{"name": "L4", "count": 1}])) == ["take 1 x L4"]
	text.other_gpus(_with("/remedies/gpus", [])) == []
	text.newer_gpus(_server, [8, 0]) == ["take a GPU of compute capability 8.0 or newer (4 x L4 or 1 x H100-80GB)"]
	text.newer_gpus(_with("/remedies/gpus", []), [8, 0]) == ["take a GPU of compute capability 8.0 or newer"]
}

test_offers_a_known_version_where_nothing_is_certain if {
	unknown := _with("/version/text", "")
	text.known_version(object.union(unknown, {"verdict": "UNCERTAIN"})) == ["pin the version of vLLM, on which the figures depend"]
	text.known_version(object.union(unknown, {"verdict": "FAILS"})) == []
	text.known_version(object.union(_server, {"verdict": "UNCERTAIN"})) == []
}

test_counts_gpus if {
	[text.gpus(number) | some number in [1, 2]] == ["1 GPU", "2 GPUs"]
}

test_says_what_was_assumed if {
	text.assumptions(_server) == [{"msg": "computed with the figures of meta-llama/Llama-2-7b-hf", "path": ["spec", "model", "path"]}]
	text.assumptions(_with("/model/name", "spec.model.architecture")) == [{
		"msg": "computed from spec.model.architecture",
		"path": ["spec", "model", "architecture"],
	}]
	several := json.patch(_server, [
		{"op": "replace", "path": "/model/exact", "value": false},
		{"op": "replace", "path": "/gpu/alternatives", "value": ["A10", "A100-40GB"]},
		{"op": "replace", "path": "/version/text", "value": ""},
	])
	text.assumptions(several) == [
		{
			"msg": concat(" ", [
				"computed with the figures of meta-llama/Llama-2-7b-hf, because that name is in it;",
				"its own figures may differ",
			]),
			"path": ["spec", "model", "path"],
		},
		{
			"msg": "computed for A10G, the smallest that a10g may mean; A10 or A100-40GB is one, too",
			"path": ["spec", "resources", "gpu", "type"],
		},
		{"msg": "nothing says which version of vLLM runs, so the figures span all of them", "path": ["spec", "model", "image"]},
	]
}
