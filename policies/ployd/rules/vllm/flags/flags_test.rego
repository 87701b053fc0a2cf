package ployd.rules.vllm.flags_test

import data.ployd.rules.vllm.flags as rule

_image := ["spec", "containers", 0, "image"]

_args := ["spec", "containers", 0, "args"]

_argument(flag, path, status, since, like) := {"flag": flag, "path": path, "status": status, "since": since, "like": like}

_input(kind, version, image, arguments) := {"ployd": {"capacity": {"servers": [{
	"owner": "container vllm",
	"kind": kind,
	"path": ["spec", "containers", 0],
	"version": {"text": version, "path": _image, "image": image},
	"arguments": arguments,
}]}}}

_pinned(argument) := _input("Pod", "0.19.1", "vllm/vllm-openai:v0.19.1", [argument])

test_denies_a_flag_that_is_gone if {
	asked := _pinned(_argument("disable-log-requests", array.concat(_args, [2]), "removed", "0.17.1", ["disable-log-stats", "enable-log-requests"]))
	rows := rule.deny with input as asked
	rows == {{
		"msg": "container vllm: vLLM 0.19.1 has no --disable-log-requests any more; it is gone since 0.17.1",
		"path": array.concat(_args, [2]),
		"remedy": "Remove --disable-log-requests. This version has --disable-log-stats and --enable-log-requests.",
		"related": [{"msg": "vLLM 0.19.1", "path": _image}],
	}}
	rule.warn == set() with input as asked
}

test_denies_a_flag_that_is_not_there_yet if {
	rows := rule.deny with input as _pinned(_argument("watermark", array.concat(_args, [0]), "later", "0.25.0", []))
	{row.msg | some row in rows} == {"container vllm: vLLM 0.19.1 has no --watermark yet; it is there from 0.25.0 on"}
	{row.remedy | some row in rows} == {"Remove --watermark, or use vLLM 0.25.0 or newer."}
}

test_denies_a_flag_that_no_release_has if {
	rows := rule.deny with input as _pinned(_argument("max-modle-len", array.concat(_args, [0]), "unknown", "", []))
	{row.msg | some row in rows} == {"container vllm: vLLM 0.19.1 has no --max-modle-len, and no release that was read has it"}
	{row.remedy | some row in rows} == {"Remove --max-modle-len."}
}

test_denies_a_field_of_a_model_by_its_name if {
	argument := _argument("shutdown-timeout", ["spec", "model", "vllm", "shutdown_timeout"], "later", "0.18.1", [])
	rows := rule.deny with input as _input("ModelDeployment", "0.17.1", "a:v0.17.1", [argument])
	{row.remedy | some row in rows} == {"Remove shutdown_timeout (--shutdown-timeout), or use vLLM 0.18.1 or newer."}
	extra := _argument("task", ["spec", "model", "vllm", "extraArgs", 0], "removed", "0.13.0", [])
	others := rule.deny with input as _input("ModelDeployment", "0.17.1", "a:v0.17.1", [extra])
	{row.remedy | some row in others} == {"Remove --task."}
}

test_warns_once_where_the_version_is_not_known if {
	arguments := [_argument(flag, array.concat(_args, [0]), "unchecked", "", []) | some flag in ["a", "b", "c", "d"]]
	rows := rule.warn with input as _input("Pod", "", "company/vllm:prod", arguments)
	rows == {{
		"msg": "container vllm: the version of vLLM is not known (image company/vllm:prod), so nobody can tell whether it has 4 flags, --a, --b, --c, ...",
		"path": _image,
		"remedy": "Name an image whose tag is a version of vLLM, with its digest.",
	}}
	model := rule.warn with input as _input("ModelDeployment", "", "", array.slice(arguments, 0, 2))
	model == {{
		"msg": "container vllm: the version of vLLM is not known (no image is named), so nobody can tell whether it has --a, --b",
		"path": _image,
		"remedy": "Name an image whose tag is a version, or write spec.model.serverVersion.",
	}}
	rule.deny == set() with input as _input("Pod", "", "company/vllm:prod", arguments)
}

test_is_silent_on_fields_where_the_platform_chooses_the_version if {
	field := _argument("max-model-len", ["spec", "model", "vllm", "max_model_len"], "unchecked", "", [])
	rule.warn == set() with input as _input("ModelDeployment", "", "", [field])
	between := rule.warn with input as _input("ModelDeployment", "0.18.0", "a:v0.18.0", [field])
	{row.msg | some row in between} == {concat("", [
		"container vllm: whether vLLM 0.18.0 has max_model_len (--max-model-len) is not known here: ",
		"it lies between releases that were read",
	])}
}

test_warns_of_flags_between_two_releases_that_were_read if {
	rows := rule.warn with input as _input("Pod", "0.15.0", "a:v0.15.0", [_argument("a", _args, "unchecked", "", [])])
	rows == {{
		"msg": "container vllm: whether vLLM 0.15.0 has --a is not known here: it lies between releases that were read",
		"path": _image,
		"remedy": "Try it with the image: vllm serve --help=all lists the flags of 0.15.0.",
	}}
}

test_allows_flags_the_version_knows if {
	asked := _pinned(_argument("max-model-len", _args, "known", "", []))
	rule.deny == set() with input as asked
	rule.warn == set() with input as asked
}

test_is_silent_without_flags_or_servers if {
	every arguments in [[], null, "x", [null]] {
		rule.deny == set() with input as _input("Pod", "", "", arguments)
		rule.warn == set() with input as _input("Pod", "", "", arguments)
	}
	every document in [{}, {"ployd": null}, {"ployd": {"capacity": {"servers": []}}}] {
		rule.deny == set() with input as document
		rule.warn == set() with input as document
	}
}
