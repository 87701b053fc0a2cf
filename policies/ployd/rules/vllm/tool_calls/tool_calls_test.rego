package ployd.rules.vllm.tool_calls_test

import data.ployd.rules.vllm.tool_calls as rule

_args := ["spec", "containers", 0, "args"]

_setting(value, position) := {"value": value, "path": array.concat(_args, [position])}

_pod(settings) := {"ployd": {"capacity": {"servers": [{
	"owner": "container vllm",
	"kind": "Pod",
	"path": ["spec", "containers", 0],
	"settings": settings,
	"model": {"type": "llama"},
}]}}}

_model(settings) := {"ployd": {"capacity": {"servers": [{
	"owner": "the model server",
	"kind": "ModelDeployment",
	"path": ["spec", "model"],
	"settings": settings,
	"model": {"known": false},
}]}}}

test_denies_the_choice_without_a_parser if {
	rule.deny == {{
		"msg": "container vllm sets --enable-auto-tool-choice without --tool-call-parser, and stops while it starts",
		"path": ["spec", "containers", 0, "args", 3],
		"remedy": "Add --tool-call-parser with the parser of llama models, or remove --enable-auto-tool-choice.",
	}} with input as _pod({"enable_auto_tool_choice": _setting(true, 3)})
	rule.warn == set() with input as _pod({"enable_auto_tool_choice": _setting(true, 3)})
}

test_denies_a_parser_that_is_none if {
	every value in ["", true, 3, null, []] {
		settings := {"enable_auto_tool_choice": _setting(true, 3), "tool_call_parser": _setting(value, 4)}
		rows := rule.deny with input as _pod(settings)
		count(rows) == 1
	}
	written := {"value": true, "path": ["spec", "model", "vllm", "enable_auto_tool_choice"]}
	rows := rule.deny with input as _model({"enable_auto_tool_choice": written})
	{row.remedy | some row in rows} == {"Add tool_call_parser with the parser of the model, or remove enable_auto_tool_choice."}
}

test_warns_of_a_parser_that_nobody_calls if {
	settings := {"tool_call_parser": {"value": "llama3_json", "path": ["spec", "model", "vllm", "tool_call_parser"]}}
	rule.warn == {{
		"msg": concat(" ", [
			"the model server has tool_call_parser llama3_json and not enable_auto_tool_choice,",
			"so requests with tools are refused",
		]),
		"path": ["spec", "model", "vllm", "tool_call_parser"],
		"remedy": "Add enable_auto_tool_choice: true, or remove tool_call_parser.",
	}} with input as _model(settings)
	rule.deny == set() with input as _model(settings)
}

test_warns_of_a_choice_that_is_off if {
	every value in [false, null, "x"] {
		settings := {"enable_auto_tool_choice": _setting(value, 3), "tool_call_parser": _setting("hermes", 4)}
		rows := rule.warn with input as _pod(settings)
		{[row.path, row.remedy] | some row in rows} == {[
			["spec", "containers", 0, "args", 4],
			"Add --enable-auto-tool-choice, or remove --tool-call-parser.",
		]}
	}
}

test_allows_both_and_neither if {
	both := {"enable_auto_tool_choice": _setting(true, 3), "tool_call_parser": _setting("hermes", 4)}
	every settings in [both, {}, {"enable_auto_tool_choice": _setting(false, 3)}, null, "x", []] {
		rule.deny == set() with input as _pod(settings)
		rule.warn == set() with input as _pod(settings)
	}
}

test_is_silent_beside_a_file_of_settings if {
	file := {"config": _setting("/etc/vllm.yaml", 0)}
	every settings in [{"enable_auto_tool_choice": _setting(true, 3)}, {"tool_call_parser": _setting("hermes", 4)}] {
		rule.deny == set() with input as _pod(object.union(settings, file))
		rule.warn == set() with input as _pod(object.union(settings, file))
	}
}

test_is_silent_without_servers if {
	every document in [{}, {"ployd": {}}, {"ployd": {"capacity": {}}}, {"ployd": {"capacity": {"servers": []}}}] {
		rule.deny == set() with input as document
		rule.warn == set() with input as document
	}
}
