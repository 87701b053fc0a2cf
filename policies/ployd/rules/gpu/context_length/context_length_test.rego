package ployd.rules.gpu.context_length_test

import data.ployd.rules.gpu.context_length as rule

_length := ["spec", "model", "vllm", "max_model_len"]

_server := {
	"kind": "ModelDeployment",
	"path": ["spec", "model"],
	"settings": {"max_model_len": {"value": 131072, "path": _length}},
	"environment": {},
	"model": {"name": "Qwen/Qwen2.5-7B", "path": ["spec", "model", "path"], "context": 32768},
	"refusals": [{"term": "context", "text": "max_model_len 131072, the model was made for 32768"}],
	"estimate": {"settings": {"maxModelLen": 131072}},
}

_fits := {"settings": {"max_model_len": {"value": 4096}}, "refusals": [], "estimate": {"settings": {"maxModelLen": 4096}}}

_with(changes) := {
	"request": {"object": {"spec": {"model": {}}}},
	"ployd": {"capacity": {"servers": [object.union(_server, changes)]}},
}

_tokens(most, changes) := {
	"request": {"object": {"spec": {"model": {"parameters": {"max_tokens": most}}}}},
	"ployd": {"capacity": {"servers": [object.union(object.union(_server, _fits), changes)]}},
}

_variable(value) := {"environment": {"VLLM_ALLOW_LONG_MAX_MODEL_LEN": {"value": value, "path": ["spec", "model", "vllm", "env", 0]}}}

test_denies_more_than_the_model_was_made_for if {
	rows := rule.deny with input as _with({})
	rows == {{
		"msg": "max_model_len is 131,072, and Qwen/Qwen2.5-7B was made for 32,768 tokens",
		"path": _length,
		"remedy": "Set max_model_len to at most 32,768.",
		"related": [{"msg": "the model is Qwen/Qwen2.5-7B", "path": ["spec", "model", "path"]}],
	}}
}

test_allows_positions_that_are_stretched if {
	every name in ["hf_overrides", "rope_scaling"] {
		rule.deny == set() with input as _with({"settings": {name: {"value": "{}", "path": ["x"]}}})
	}
}

test_denies_the_variable_that_switches_the_check_off if {
	every value in ["1", "true", " True "] {
		rows := rule.deny with input as _with(_variable(value))
		{[row.path, row.remedy] | some row in rows} == {[
			["spec", "model", "vllm", "env", 0],
			"Remove VLLM_ALLOW_LONG_MAX_MODEL_LEN and set max_model_len to at most 32,768.",
		]}
	}
	beyond := rule.deny with input as _with(_variable("1"))
	{row.msg | some row in beyond} == {concat("", [
		"VLLM_ALLOW_LONG_MAX_MODEL_LEN is \"1\", so vLLM takes any max_model_len: ",
		"131,072, where Qwen/Qwen2.5-7B was made for 32,768",
	])}
	within := rule.deny with input as _with(object.union(_fits, _variable("1")))
	{[row.msg, row.remedy] | some row in within} == {[
		"VLLM_ALLOW_LONG_MAX_MODEL_LEN is \"1\", so vLLM takes any max_model_len",
		"Remove VLLM_ALLOW_LONG_MAX_MODEL_LEN.",
	]}
}

test_allows_the_variable_where_it_is_off_or_not_read if {
	every value in ["0", "false", "", null, 1, ["1"]] {
		rule.deny == set() with input as _with(object.union(_fits, _variable(value)))
	}
}

test_denies_answers_that_leave_no_room if {
	rows := rule.deny with input as _tokens(4096, {})
	rows == {{
		"msg": "max_tokens is 4,096, which leaves no room for a prompt: a request has 4,096 tokens in all",
		"path": ["spec", "model", "parameters", "max_tokens"],
		"remedy": "Set max_tokens below 4,096, such that the longest prompt and answer fit together.",
		"related": [{"msg": "the tokens of a request", "path": _length}],
	}}
}

test_denies_answers_longer_than_the_model_where_no_length_is_written if {
	unread := {"settings": {"max_model_len": {"value": "auto"}}, "estimate": {"settings": {"maxModelLen": 2048}}}
	rows := rule.deny with input as _tokens(4096, unread)
	count(rows) == 1
}

test_allows_answers_that_leave_room if {
	every most in [1, 4095, 0, -1, null, "4096", 1.5, [], {}] {
		rule.deny == set() with input as _tokens(most, {})
	}
	rule.deny == set() with input as _tokens(4096, {"kind": "Pod"})
	rule.deny == set() with input as _tokens(4096, {"settings": {"max_model_len": {"value": null}}, "estimate": null})
}

test_is_silent_where_nothing_is_served if {
	every document in [
		{},
		{"request": {"object": null}, "ployd": {"capacity": {"servers": []}}},
		{"request": {"object": {"spec": null}}, "ployd": {"capacity": {"servers": [{}, null, {"kind": "ModelDeployment"}]}}},
	] {
		rule.deny == set() with input as document
	}
}
