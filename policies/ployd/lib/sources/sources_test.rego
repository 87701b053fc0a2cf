package ployd.lib.sources_test

import data.ployd.lib.sources

test_reads_places if {
	expected := {
		"s3://company-models/llama/8b": {"scheme": "s3", "steps": ["company-models", "llama", "8b"]},
		"s3://company-models/": {"scheme": "s3", "steps": ["company-models"]},
		"s3://": {"scheme": "s3", "steps": []},
		"hf://meta-llama/Llama-3.1-8B": {"scheme": "hf", "steps": ["meta-llama", "Llama-3.1-8B"]},
		"meta-llama/Llama-3.1-8B": {"scheme": "hf", "steps": ["meta-llama", "Llama-3.1-8B"]},
		"bartowski/Llama-GGUF:Q4_K_M": {"scheme": "hf", "steps": ["bartowski", "Llama-GGUF:Q4_K_M"]},
		"gpt2": {"scheme": "hf", "steps": ["gpt2"]},
		"/models/llama/": {"scheme": "", "steps": ["models", "llama"]},
		"/": {"scheme": "", "steps": []},
		"oci://registry.example.com:5000/team/m:v1": {"scheme": "oci", "steps": ["registry.example.com:5000", "team", "m:v1"]},
		"pvc://claim/a..b/.cache": {"scheme": "pvc", "steps": ["claim", "a..b", ".cache"]},
	}
	every text, place in expected {
		sources.parse(text) == place
	}
}

_read contains text if {
	some text in [
		"", "S3://company-models/a", "s3://user@company-models/a", "s3://user:secret@company-models/a",
		"s3://company-models/../evil", "s3://company-models/./a", "s3://company-models//a", "s3:///a", "..", "../a", "./a",
		"s3://company-models/%2e%2e/evil", `s3://company-models\evil`, "s3://company-models/a?x=1", "s3://company-models/a#b",
		"s3://company models/a", "s3://company-models/a\n", "${BUCKET}/a", "a/b/c", "a:b/c", "-a", "s3:/a", "://a",
		"s3://company-models/\u2024\u2024/a", concat("", ["/", concat("", ["a" | some _ in numbers.range(1, 2048)])]),
		null, 3, true, [], {},
	]
	_ := sources.parse(text)
}

test_reads_nothing_that_could_be_taken_for_another_place if {
	_read == set()
}

test_compares_step_for_step if {
	every text in ["s3://company-models/a", "s3://company-models", "s3://company-models/", "s3://company-models/a/b"] {
		sources.within(text, "s3://company-models/")
		sources.within(text, "s3://company-models")
		sources.within(text, "s3://")
	}
	sources.within("meta-llama/Llama-3.1-8B", "hf://meta-llama/")
	sources.within("hf://meta-llama/Llama-3.1-8B", "meta-llama")
	sources.within("hf://meta-llama/Llama-3.1-8B@main", "hf://meta-llama/Llama-3.1-8B")
	sources.within("oci://registry:5000/team/m:v1@sha256:00", "oci://registry:5000/team/m")
	sources.within("/models/a", "/models")
}

test_is_not_within_what_only_looks_alike if {
	every text in [
		"s3://company-models-evil/a", "s3://company-model", "s3://evil/company-models", "gs://company-models/a",
		"S3://company-models/a", "s3://company-models/../evil", "s3://evil@company-models/a", "s3://Company-Models/a",
		"/company-models/a", "company-models/a", "s3://company-models%2fevil", null, 3, "",
	] {
		not sources.within(text, "s3://company-models/")
	}
	not sources.within("meta-llama-evil/Llama", "hf://meta-llama/")
	not sources.within("oci://registry:5000/team/m2", "oci://registry:5000/team/m")
	not sources.within("oci://registry:6000/team/m", "oci://registry:5000/team")
	every outer in ["", "s3://../", null, [], "company models"] {
		not sources.within("s3://company-models/a", outer)
	}
}

test_names_repositories_of_the_hub if {
	expected := {
		"hf://meta-llama/Llama-3.1-8B": "meta-llama/Llama-3.1-8B",
		"meta-llama/Llama-3.1-8B": "meta-llama/Llama-3.1-8B",
		"hf://meta-llama/Llama-3.1-8B@main": "meta-llama/Llama-3.1-8B",
		"hf://bartowski/L:Q4": "bartowski/L",
		"gpt2": "gpt2",
	}
	every text, repository in expected {
		sources.repository(text) == repository
	}
	every text in ["s3://a/b", "/a/b", "", null, "a/b/c"] {
		not sources.repository(text)
	}
}

test_shows_no_password if {
	sources.shown("s3://user:hunter2@models/a") == "s3://...@models/a"
	sources.shown("https://token@host/a@b") == "https://...@host/a@b"
	sources.shown("oci://registry:5000/a@sha256:0") == "oci://registry:5000/a@sha256:0"
}

test_knows_commits if {
	sources.is_commit("0123456789abcdef0123456789abcdef01234567")
	every text in ["main", "v1.0", "0123456", "0123456789ABCDEF0123456789ABCDEF01234567", "", null, 3, []] {
		not sources.is_commit(text)
	}
}

_model(settings) := {"kind": "ModelDeployment", "path": ["spec", "model"], "settings": settings}

_pod(settings) := {"kind": "Pod", "path": ["spec", "containers", 0], "settings": settings}

_written(value) := {"value": value, "path": ["there"]}

_document(model, servers) := {
	"request": {"kind": {"group": "ployd.ai", "kind": "ModelDeployment"}, "object": {"spec": {"model": model}}},
	"ployd": {"capacity": {"servers": servers}},
}

test_finds_the_model_of_a_deployment_of_any_framework if {
	sources.of(_document({"path": "s3://m/a", "revision": "main"}, [])) == [{
		"role": "model",
		"name": "path",
		"text": "s3://m/a",
		"path": ["spec", "model", "path"],
		"server": {},
		"revision": {"name": "revision", "text": "main", "path": ["spec", "model", "revision"]},
	}]
	[found] := sources.of(_document({"path": "s3://m/a"}, [_model({"model": _written("other")})]))
	found.server.kind == "ModelDeployment"
	found.text == "s3://m/a"
	found.revision.text == ""
}

test_finds_every_place_of_a_server if {
	server := _model({
		"tokenizer": _written("hf://a/t"),
		"hf_config_path": _written("/config"),
		"speculative_config": _written(`{"model": "a/draft", "revision": "r"}`),
		"lora_modules": _written("sql=hf://a/lora"),
	})
	found := {source.role: [source.text, source.path, source.revision] | some source in sources.of(_document({}, [server]))}
	found == {
		"tokenizer": ["hf://a/t", ["there"], {
			"name": "--tokenizer-revision",
			"text": "",
			"path": ["spec", "model", "vllm", "extraArgs"],
		}],
		"configuration": ["/config", ["there"], {"name": "revision", "text": "", "path": ["spec", "model", "revision"]}],
		"draft model": ["a/draft", ["there"], {"name": "its revision", "text": "r", "path": ["there"]}],
		"adapter": ["hf://a/lora", ["there"], {}],
	}
}

test_reads_the_other_ways_to_write_a_place if {
	ways := {
		"speculative_config": {"model": "a/b"},
		"speculative_config.model": "a/b",
		"speculative_model": "a/b",
		"spec_model": "a/b",
		"lora_modules": `{"name": "sql", "path": "a/b"}`,
		"tokenizer": "a/b",
		"model": "a/b",
	}
	every setting, value in ways {
		found := sources.of({"ployd": {"capacity": {"servers": [_pod({setting: _written(value)})]}}})
		[source.text | some source in found] == ["a/b"]
	}
}

test_pins_a_pod_by_its_arguments if {
	server := _pod({"model": _written("a/b"), "tokenizer": _written("a/t"), "revision": _written(1234)})
	found := sources.of({"ployd": {"capacity": {"servers": [server]}}})
	[[source.name, source.revision.name, source.revision.text, source.revision.path] | some source in found] == [
		["--model", "--revision", "1234", ["there"]],
		["--tokenizer", "--revision", "1234", ["there"]],
	]
	none := _pod({"tokenizer": _written("a/t")})
	[source.revision | some source in sources.of({"ployd": {"capacity": {"servers": [none]}}})] == [{
		"name": "--tokenizer-revision",
		"text": "",
		"path": ["spec", "containers", 0, "args"],
	}]
	both := _pod({"model": _written("a/b"), "tokenizer": _written("a/t"), "revision": _written("main")})
	[source.revision.name | some source in sources.of({"ployd": {"capacity": {"servers": [both]}}})] == ["--revision", "--revision"]
	own := _pod({"tokenizer": _written("a/t"), "tokenizer_revision": _written("t")})
	[source.revision.text | some source in sources.of({"ployd": {"capacity": {"servers": [own]}}})] == ["t"]
}

test_passes_over_what_is_no_place if {
	every value in [null, "", true, 3, [], {}, "{", "{}", `{"model": 3}`] {
		settings := {name: _written(value) | some name in ["model", "tokenizer", "speculative_config", "lora_modules"]}
		sources.of({"ployd": {"capacity": {"servers": [_pod(settings)]}}}) == []
	}
	every document in [{}, _document({}, []), _document({"path": 3}, []), _document(null, [_pod(null)]), _document([], [_pod({"model": null})])] {
		sources.of(document) == []
	}
}
