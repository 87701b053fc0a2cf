package ployd.rules.security.remote_code_test

import data.ployd.rules.security.remote_code as rule

_commit := "0123456789abcdef0123456789abcdef01234567"

_written(settings) := {name: {"value": value, "path": [name]} | some name, value in settings}

_allowing(allowed) := {"parameters": {"security.remote_code": {"allowed": allowed}}}

_model(model, settings, allowed) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
		"object": {"spec": {"model": model}},
	},
	"ployd": object.union(_allowing(allowed), {"capacity": {"servers": [{
		"owner": "the model server",
		"kind": "ModelDeployment",
		"path": ["spec", "model"],
		"settings": _written(settings),
	}]}}),
}

_pod(settings, allowed) := {
	"request": {"kind": {"group": "", "kind": "Pod"}, "object": {"spec": {}}},
	"ployd": object.union(_allowing(allowed), {"capacity": {"servers": [{
		"owner": "container vllm",
		"kind": "Pod",
		"path": ["spec", "containers", 0],
		"settings": _written(settings),
	}]}}),
}

_trusted := {"trust_remote_code": true, "code_revision": _commit}

_switch := {"msg": "here code is trusted", "path": ["trust_remote_code"]}

_messages(rows) := {row.msg | some row in rows}

test_denies_code_that_nobody_allowed if {
	every allowed in [null, []] {
		rule.deny == {{
			"msg": "trust_remote_code runs Python from hf://a/b, the place of the model, and this environment allows that to nobody",
			"path": ["spec", "model", "path"],
			"remedy": "Remove trust_remote_code, or have hf://a/b put into allowed of security.remote_code once its code was read.",
			"related": [_switch],
		}} with input as _model({"path": "hf://a/b", "revision": _commit}, _trusted, allowed)
	}
	other := rule.deny with input as _model({"path": "hf://a/b", "revision": _commit}, _trusted, ["hf://c/"])
	_messages(other) == {"trust_remote_code runs Python from hf://a/b, the place of the model, which is not among the allowed paths"}
}

test_denies_what_only_looks_allowed if {
	every place in ["hf://company-evil/m", "hf://company/../evil/m", "HF://company/m", "hf://evil@company/m", "${ORG}/m"] {
		rows := rule.deny with input as _model({"path": place, "revision": _commit}, _trusted, ["hf://company/"])
		["spec", "model", "path"] in {row.path | some row in rows}
	}
}

test_denies_what_no_commit_pins if {
	rule.deny == {
		{
			"msg": "trust_remote_code runs Python from hf://a/b, but revision is \"main\", which is no commit and can be moved",
			"path": ["spec", "model", "revision"],
			"remedy": "Set revision to the commit whose code was read, 40 digits from 0-9 and a-f.",
			"related": [_switch],
		},
		{
			"msg": concat("", [
				"trust_remote_code runs Python that the config.json of hf://a/b may fetch from elsewhere, ",
				"but codeRevision is not set, so it is the newest",
			]),
			"path": ["spec", "model", "codeRevision"],
			"remedy": concat("", [
				"Set codeRevision to the commit whose code was read: that of the repository in auto_map, ",
				"else the one of revision.",
			]),
			"related": [_switch],
		},
	} with input as _model({"path": "hf://a/b", "revision": "main"}, {"trust_remote_code": true}, ["hf://a/"])
}

test_denies_a_pod_by_its_arguments if {
	rows := rule.deny with input as _pod({"trust_remote_code": true, "model": "a/b", "code_revision": "v1"}, ["hf://a/b"])
	{[row.msg, row.path] | some row in rows} == {
		[
			"--trust-remote-code runs Python from a/b, but --revision is not set, so it is the newest",
			["spec", "containers", 0, "args"],
		],
		[
			concat("", [
				"--trust-remote-code runs Python that the config.json of a/b may fetch from elsewhere, ",
				"but --code-revision is \"v1\", which is no commit and can be moved",
			]),
			["code_revision"],
		],
	}
	missing := rule.deny with input as _pod({"trust_remote_code": true, "model": "a/b", "revision": _commit}, ["hf://a/b"])
	{row.path | some row in missing} == {["spec", "containers", 0, "args"]}
}

test_denies_a_tokenizer_of_a_stranger if {
	settings := object.union(_trusted, {"tokenizer": "x/y", "speculative_model": "x/z", "lora_modules": "a=x/lora"})
	rows := rule.deny with input as _model({"path": "s3://m/a", "revision": _commit}, settings, ["s3://m"])
	_messages(rows) == {
		"trust_remote_code runs Python from x/y, the place of the tokenizer, which is not among the allowed paths",
		"trust_remote_code runs Python from x/z, the place of the draft model, which is not among the allowed paths",
		"trust_remote_code runs Python from x/y, but --tokenizer-revision is not set, so it is the newest",
		"trust_remote_code runs Python from x/z, but --speculative-model-revision is not set, so it is the newest",
	}
}

test_denies_an_image_without_a_digest if {
	rule.deny == {{
		"msg": "trust_remote_code runs Python from oci://registry.example.com/m:v1, an image whose tag can be moved",
		"path": ["spec", "model", "path"],
		"remedy": "Add the digest of the image whose code was read: @sha256:...",
		"related": [_switch],
	}} with input as _model({"path": "oci://registry.example.com/m:v1"}, _trusted, ["oci://registry.example.com/"])
	digest := concat("", ["@sha256:", _commit, "0123456789abcdef01234567"])
	pinned := sprintf("oci://registry.example.com/m:v1%s", [digest])
	rule.deny == set() with input as _model({"path": pinned}, _trusted, ["oci://registry.example.com/"])
	rule.warn == set() with input as _model({"path": pinned}, _trusted, ["oci://registry.example.com/"])
}

test_denies_a_model_that_is_not_named if {
	rule.deny == {{
		"msg": "--trust-remote-code runs Python from a model that is not named here",
		"path": ["trust_remote_code"],
		"remedy": "Remove --trust-remote-code, or name the model and its commits.",
	}} with input as _pod({"trust_remote_code": true}, ["s3://m/"])
}

test_denies_the_switch_however_it_is_written if {
	every settings in [{"trust_remote_code": "yes"}, {"trust_remote_code": ""}, {"trust_remote": true}, {"trust": true}] {
		rows := rule.deny with input as _pod(object.union(settings, {"model": "/models/a"}), null)
		{row.path | some row in rows} == {["model"]}
	}
	every settings in [{"trust_remote_code": false}, {"trust_request_chat_template": true}, {"trust_remote_code": null}, {}] {
		rule.deny == set() with input as _pod(object.union(settings, {"model": "a/b"}), null)
	}
}

test_denies_an_unusable_parameter if {
	every allowed in [3, "s3://m/", true, {}, [3], ["s3://../"], [null]] {
		rows := rule.deny with input as _model({"path": "s3://m/a"}, _trusted, allowed)
		some row in rows
		row.path == []
		startswith(row.msg, "parameter allowed of rule security.remote_code is ")
	}
}

test_warns_where_nothing_but_the_path_tells_copies_apart if {
	rule.warn == {{
		"msg": "trust_remote_code runs Python from s3://m/reviewed/a, and nothing says that its code is the one that was read",
		"path": ["spec", "model", "path"],
		"remedy": concat("", [
			"Put the reviewed copy under a path that holds its commit, ",
			"as in .../<40 digits from 0-9 and a-f>/, and name that.",
		]),
		"related": [_switch],
	}} with input as _model({"path": "s3://m/reviewed/a"}, _trusted, ["s3://m/reviewed"])
	rule.deny == set() with input as _model({"path": "s3://m/reviewed/a"}, _trusted, ["s3://m/reviewed"])
	every place in ["/models/a", "pvc://claim/a", "gs://m/0123456/a"] {
		rows := rule.warn with input as _model({"path": place}, _trusted, ["/models", "pvc://claim", "gs://m"])
		count(rows) == 1
	}
}

test_allows_what_was_reviewed_and_is_pinned if {
	every place in ["hf://a/b", "a/b"] {
		rule.deny == set() with input as _model({"path": place, "revision": _commit}, _trusted, ["hf://a/"])
		rule.warn == set() with input as _model({"path": place, "revision": _commit}, _trusted, ["hf://a/"])
	}
	kept := sprintf("s3://m/reviewed/%s/a", [_commit])
	rule.deny == set() with input as _model({"path": kept}, {"trust_remote_code": true}, ["s3://m/reviewed"])
	rule.warn == set() with input as _model({"path": kept}, {"trust_remote_code": true}, ["s3://m/reviewed"])
	pod := object.union(_trusted, {"model": "a/b", "revision": _commit})
	rule.deny == set() with input as _pod(pod, ["hf://a/b"])
}

test_never_fails_on_values_of_another_type if {
	every odd in [null, "", 3, true, [], {}, ["x", null], {"a": "b"}] {
		settings := {"trust_remote_code": odd, "code_revision": odd, "tokenizer": odd, "speculative_config": odd}
		first := rule.deny with input as _model({"path": odd, "revision": odd}, settings, odd)
		is_set(first)
		second := rule.deny with input as _pod(object.union(settings, {"trust_remote_code": true, "model": "a/b"}), odd)
		is_set(second)
		third := rule.warn with input as _model(odd, _trusted, odd)
		is_set(third)
	}
}

test_is_silent_on_other_kinds_and_deletions_and_without_the_switch if {
	every document in [
		_model({"path": "hf://a/b"}, {}, null),
		_model({"path": "hf://a/b"}, {"trust_remote_code": false}, null),
		{"request": {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": {"spec": {}}}},
		{"request": {"kind": {"group": "ployd.ai", "kind": "ModelDeployment"}, "object": null}, "ployd": {"capacity": {"servers": []}}},
	] {
		rule.deny == set() with input as document
		rule.warn == set() with input as document
	}
}
