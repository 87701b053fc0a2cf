package ployd.rules.vllm.gated_model_test

import data.ployd.rules.vllm.gated_model as rule

_gated := {"parameters": {"vllm.gated_model": {"gated": ["meta-llama/", "google/gemma"]}}}

_written(settings) := {name: {"value": value, "path": [name]} | some name, value in settings}

_server(kind, path, settings, environment) := {
	"owner": "the model server",
	"kind": kind,
	"path": path,
	"settings": _written(settings),
	"environment": _written(environment),
}

_model(model, environment) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
		"object": {"spec": {"model": model}},
	},
	"ployd": object.union(_gated, {"capacity": {"servers": [_server("ModelDeployment", ["spec", "model"], {}, environment)]}}),
}

_pod(settings, environment, container) := {
	"request": {"kind": {"group": "", "kind": "Pod"}, "object": {"spec": {"containers": [container]}}},
	"ployd": object.union(
		_gated,
		{"capacity": {"servers": [_server("Pod", ["spec", "containers", 0], settings, environment)]}},
	),
}

_llama := "hf://meta-llama/Llama-3.1-8B-Instruct"

test_denies_a_gated_model_without_a_token if {
	rule.deny == {{
		"msg": concat("", [
			"path names meta-llama/Llama-3.1-8B-Instruct, which the Hugging Face hub gives only to accounts with access, ",
			"and the model server has no token",
		]),
		"path": ["spec", "model", "credentials"],
		"remedy": "Set spec.model.credentials.secretRef.name to a Secret of this namespace with the key HF_TOKEN.",
		"related": [{"msg": "the gated repository", "path": ["spec", "model", "path"]}],
	}} with input as _model({"path": _llama}, {})
}

test_denies_a_pod_without_a_token if {
	rows := rule.deny with input as _pod({"model": "google/gemma-3-27b-it"}, {}, {"envFrom": [{"configMapRef": {"name": "a"}}]})
	rows == {{
		"msg": concat("", [
			"--model names google/gemma-3-27b-it, which the Hugging Face hub gives only to accounts with access, ",
			"and the model server has no token",
		]),
		"path": ["spec", "containers", 0, "env"],
		"remedy": "Add HF_TOKEN to env, with valueFrom.secretKeyRef naming a Secret of this namespace that holds the token.",
		"related": [{"msg": "the gated repository", "path": ["model"]}],
	}}
}

test_denies_every_way_to_write_it if {
	every place in ["meta-llama/Llama", "Meta-Llama/Llama", "hf://meta-llama/Llama@main"] {
		rows := rule.deny with input as _model({"path": place}, {})
		count(rows) == 1
		tokenizers := rule.deny with input as _pod({"model": "/models/a", "tokenizer": place}, {}, {})
		count(tokenizers) == 1
	}
	every environment in [{"HF_HUB_OFFLINE": "0"}, {"HF_HUB_OFFLINE": null}, {"HF_HOME": "/cache"}] {
		rows := rule.deny with input as _model({"path": _llama}, environment)
		count(rows) == 1
	}
}

test_allows_a_gated_model_with_a_token if {
	every environment in [{"HF_TOKEN": null}, {"HUGGING_FACE_HUB_TOKEN": null}, {"HF_TOKEN_PATH": "/secrets/token"}, {"HF_TOKEN": "x"}] {
		rule.deny == set() with input as _model({"path": _llama}, environment)
		rule.deny == set() with input as _pod({"model": _llama}, environment, {})
	}
	rule.deny == set() with input as _model({"path": _llama, "credentials": {"secretRef": {"name": "hub"}}}, {})
	rule.deny == set() with input as _pod({"model": _llama, "hf_token": "x"}, {}, {})
	rule.deny == set() with input as _pod({"model": _llama}, {}, {"envFrom": [{"secretRef": {"name": "hub"}}]})
}

test_allows_what_is_not_fetched_from_the_hub if {
	every environment in [{"HF_HUB_OFFLINE": "1"}, {"TRANSFORMERS_OFFLINE": "True"}, {"HF_ENDPOINT": "https://mirror.example.com"}] {
		rule.deny == set() with input as _model({"path": _llama}, environment)
	}
	every place in ["s3://company-models/meta-llama/Llama", "/models/meta-llama/Llama", "Qwen/Qwen3-8B", "google/flan-t5", "gpt2"] {
		rule.deny == set() with input as _model({"path": place}, {})
		rule.deny == set() with input as _pod({"model": place}, {}, {})
	}
}

test_denies_a_list_that_cannot_be_used if {
	every gated in [3, "meta-llama/", true, {}, [3], [""], [null]] {
		rows := rule.deny with input as _model({"path": "s3://m/a"}, {})
			with input.ployd.parameters as {"vllm.gated_model": {"gated": gated}}
		{row.path | some row in rows} == {[]}
	}
	every gated in [null, []] {
		rule.deny == set() with input as _model({"path": _llama}, {}) with input.ployd.parameters as {"vllm.gated_model": {"gated": gated}}
	}
}

test_never_fails_on_values_of_another_type if {
	every odd in [null, "", 3, true, [], {}, ["x", null], {"a": "b"}] {
		first := rule.deny with input as _model({"path": _llama, "credentials": odd}, {"HF_HUB_OFFLINE": [odd]})
		count(first) == 1
		second := rule.deny with input as _pod({"model": _llama}, {}, {"envFrom": odd})
		count(second) == 1
		third := rule.deny with input as _pod({"model": odd}, {}, odd)
		is_set(third)
	}
}

test_is_silent_on_other_kinds_and_deletions_and_servers if {
	every document in [
		{"request": {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": {"spec": {"model": {"path": _llama}}}}},
		{"request": {"kind": {"group": "ployd.ai", "kind": "ModelDeployment"}, "object": null}},
		{"request": {
			"kind": {"group": "ployd.ai", "kind": "ModelDeployment"},
			"object": {"spec": {"model": {"framework": "sglang", "path": _llama}}},
		}},
	] {
		rule.deny == set() with input as object.union(document, {"ployd": _gated})
	}
}
