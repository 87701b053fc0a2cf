package ployd.rules.security.model_sources_test

import data.ployd.rules.security.model_sources as rule

_commit := "0123456789abcdef0123456789abcdef01234567"

_written(settings) := {name: {"value": value, "path": [name]} | some name, value in settings}

_allowing(allowed) := {"parameters": {"security.model_sources": {"allowed": allowed}}}

_server(kind, settings, environment) := {
	"owner": "the model server",
	"kind": kind,
	"path": ["server"],
	"settings": _written(settings),
	"environment": _written(environment),
}

_model(model, settings, allowed) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
		"object": {"spec": {"model": model}},
	},
	"ployd": object.union(_allowing(allowed), {"capacity": {"servers": [_server("ModelDeployment", settings, {})]}}),
}

_pod(settings, environment, allowed) := {
	"request": {"kind": {"group": "", "kind": "Pod"}, "object": {"spec": {}}},
	"ployd": object.union(_allowing(allowed), {"capacity": {"servers": [_server("Pod", settings, environment)]}}),
}

_company := ["s3://company-models/", "hf://meta-llama/"]

_paths(rows) := {row.path | some row in rows}

test_denies_a_place_that_is_not_allowed if {
	rule.deny == {{
		"msg": "path reads the model from s3://company-models-evil/llama, which is within none of the allowed places",
		"path": ["spec", "model", "path"],
		"remedy": "Name a place within s3://company-models/ or hf://meta-llama/.",
	}} with input as _model({"path": "s3://company-models-evil/llama"}, {}, _company)
	every place in ["gs://company-models/a", "/models/a", "meta-llama-evil/a", "s3://evil", "pvc://company-models/a"] {
		rows := rule.deny with input as _model({"path": place}, {}, _company)
		_paths(rows) == {["spec", "model", "path"]}
	}
}

test_denies_what_is_not_written_plainly if {
	rule.deny == {{
		"msg": concat("", [
			"path reads the model from s3://...@company-models/a, which is not written plainly: ",
			"steps back, user names, escapes or capitals can mean another place",
		]),
		"path": ["spec", "model", "path"],
		"remedy": "Name a place within s3://company-models/ or hf://meta-llama/.",
	}} with input as _model({"path": "s3://user:password@company-models/a"}, {}, _company)
	every place in ["s3://company-models/../evil/a", "S3://company-models/a", "s3://company-models/%2e%2e/a", "s3://company-models/${X}"] {
		rows := rule.deny with input as _model({"path": place}, {}, _company)
		_paths(rows) == {["spec", "model", "path"]}
	}
}

test_denies_the_tokenizer_and_the_rest_of_a_stranger if {
	settings := {"tokenizer": "x/t", "hf_config_path": "/c", "speculative_config": {"model": "x/d"}, "lora_modules": "a=x/l"}
	rows := rule.deny with input as _model({"path": "s3://company-models/a"}, settings, _company)
	_paths(rows) == {["tokenizer"], ["hf_config_path"], ["speculative_config"], ["lora_modules"]}
	pods := rule.deny with input as _pod({"model": "x/m", "tokenizer": "x/t"}, {}, _company)
	{row.msg | some row in pods} == {
		"--model reads the model from x/m, which is within none of the allowed places",
		"--tokenizer reads the tokenizer from x/t, which is within none of the allowed places",
	}
}

test_denies_everything_where_no_place_is_allowed if {
	rows := rule.deny with input as _model({"path": "s3://company-models/a"}, {}, [])
	{row.remedy | some row in rows} == {"Have a place put into allowed of security.model_sources; this environment allows none."}
}

test_denies_a_list_that_cannot_be_used if {
	every allowed in [3, "s3://company-models/", true, {}, [3], [""], ["s3://company-models/", "s3://../"]] {
		rows := rule.deny with input as _model({"path": "s3://company-models/a"}, {}, allowed)
		_paths(rows) == {[]}
		{row.remedy | some row in rows} == {"Set allowed of security.model_sources in the environments data."}
	}
}

test_allows_what_is_within if {
	every place in ["s3://company-models/a", "s3://company-models/a/b/", "hf://meta-llama/L", "meta-llama/L"] {
		rule.deny == set() with input as _model({"path": place}, {}, _company)
		rule.deny == set() with input as _pod({"model": place, "tokenizer": place}, {}, _company)
	}
}

test_allows_every_place_where_none_is_declared if {
	every place in ["s3://company-models-evil/a", "/models/a", "s3://company-models/../evil"] {
		rule.deny == set() with input as _model({"path": place}, {}, null)
		rule.warn == set() with input as _model({"path": place}, {}, null)
	}
}

test_warns_of_a_revision_that_moves if {
	rule.warn == {{
		"msg": "path names a/b of the Hugging Face hub, but revision is not set, so every start takes the newest of main",
		"path": ["spec", "model", "revision"],
		"remedy": "Set revision to the commit that was evaluated, 40 digits from 0-9 and a-f.",
	}} with input as _model({"path": "hf://a/b"}, {}, null)
	rule.warn == {{
		"msg": "--model names a/b of the Hugging Face hub, but --revision is \"v1.0\", which can be moved",
		"path": ["revision"],
		"remedy": "Set --revision to the commit that was evaluated, 40 digits from 0-9 and a-f.",
	}} with input as _pod({"model": "a/b", "revision": "v1.0"}, {}, null)
	rows := rule.warn with input as _model({"path": "s3://m/a"}, {"tokenizer": "a/t"}, null)
	_paths(rows) == {["spec", "model", "vllm", "extraArgs"]}
}

test_allows_commits_and_places_that_have_none if {
	rule.warn == set() with input as _model({"path": "hf://a/b", "revision": _commit}, {"tokenizer": "a/b"}, null)
		with input.ployd.capacity.servers as [_server("ModelDeployment", {"revision": _commit, "tokenizer": "a/b"}, {})]
	rule.warn == set() with input as _pod({"model": "a/b", "revision": _commit, "lora_modules": "x=a/l"}, {}, null)
	rule.warn == set() with input as _pod({"model": "/models/a", "tokenizer": "s3://m/t"}, {}, null)
	rule.warn == set() with input as _model({"path": "hf://a/b"}, {"trust_remote_code": true}, null)
}

test_warns_of_adapters_that_clients_choose if {
	every value in ["1", "true", "True"] {
		rule.warn == {{
			"msg": "VLLM_ALLOW_RUNTIME_LORA_UPDATING lets any client have the model server load adapters from any place",
			"path": ["VLLM_ALLOW_RUNTIME_LORA_UPDATING"],
			"remedy": "Remove VLLM_ALLOW_RUNTIME_LORA_UPDATING and name the adapters with --lora-modules.",
		}} with input as _pod({"model": "/m"}, {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": value}, null)
	}
	every value in ["0", "false", null, 1, {}] {
		rule.warn == set() with input as _pod({"model": "/m"}, {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": value}, null)
	}
}

test_never_fails_on_values_of_another_type if {
	every odd in [null, "", 3, true, [], {}, ["x", null], {"a": "b"}] {
		first := rule.deny with input as _model({"path": odd, "revision": odd}, {"tokenizer": odd, "lora_modules": odd}, odd)
		is_set(first)
		second := rule.warn with input as _pod({"model": "a/b", "revision": odd, "trust_remote_code": odd}, {"A": odd}, odd)
		is_set(second)
		third := rule.deny with input as _model(odd, {}, odd)
		is_set(third)
	}
}

test_is_silent_on_other_kinds_and_deletions if {
	every document in [
		{"request": {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": {"spec": {"model": {"path": "x"}}}}},
		{"request": {"kind": {"group": "ployd.ai", "kind": "ModelDeployment"}, "object": null}},
		{"request": {"kind": {"group": "", "kind": "Pod"}, "object": {"spec": {}}}},
	] {
		rule.deny == set() with input as object.union(document, {"ployd": _allowing(_company)})
		rule.deny == set() with input as object.union(document, {"ployd": _allowing(3)})
		rule.warn == set() with input as object.union(document, {"ployd": _allowing(_company)})
	}
}
