# METADATA
# title: Tool calls are switched on with their parser
# description: >-
#   Two settings belong together. enable_auto_tool_choice lets the model choose a tool, tool_call_parser reads the call out
#   of its answer. With the first alone vLLM stops while it starts. With the second alone it starts, and each request
#   that offers tools is refused, which agents show as an error of the model.
# related_resources:
# - ref: https://docs.vllm.ai/en/latest/features/tool_calling/
#   description: Automatic function calling needs both flags; which parser belongs to which model
# - ref: https://github.com/vllm-project/vllm/issues/9986
#   description: What a client is told where the flags are missing
# - ref: https://github.com/vllm-project/vllm/issues/55754
#   description: A parser without the other flag is not used for forced calls either
# - ref: https://github.com/QwenLM/Qwen-Agent/issues/344
#   description: A user who set one and had to find out about the other
# custom:
#   severity: error
#   scope: object
#   level: basic
#   kinds:
#   - ModelDeployment
#   - Pod
#   - PodTemplate
#   - ReplicationController
#   - DaemonSet
#   - Deployment
#   - ReplicaSet
#   - StatefulSet
#   - CronJob
#   - Job
#   remedy: Set both enable_auto_tool_choice and the tool_call_parser of the model, or neither.
#   prevents: >-
#     TypeError: Error: --enable-auto-tool-choice requires --tool-call-parser; or, for each request, "auto" tool choice
#     requires --enable-auto-tool-choice and --tool-call-parser to be set
package ployd.rules.vllm.tool_calls

import data.ployd.lib.serving

deny contains row if {
	some server in _servers
	_chooses(server)
	not _has_parser(server)
	row := {
		"msg": sprintf("%s sets %s without %s, and stops while it starts", [server.owner, _flag(server), _parser(server)]),
		"path": serving.setting_path(server, "enable_auto_tool_choice"),
		"remedy": sprintf("Add %s with the parser of %s, or remove %s.", [_parser(server), _model(server), _flag(server)]),
	}
}

warn contains row if {
	some server in _servers
	_has_parser(server)
	not _chooses(server)
	name := serving.setting(server, "tool_call_parser")
	row := {
		"msg": sprintf("%s has %s %s and not %s, so requests with tools are refused", [
			server.owner,
			_parser(server),
			name,
			_flag(server),
		]),
		"path": serving.setting_path(server, "tool_call_parser"),
		"remedy": sprintf("Add %s%s, or remove %s.", [_flag(server), _true(server), _parser(server)]),
	}
}

# What a file of settings says is not known here.
_servers contains server if {
	some server in serving.servers(input)
	not server.settings.config
}

_chooses(server) if serving.setting(server, "enable_auto_tool_choice") == true

_has_parser(server) if {
	name := serving.setting(server, "tool_call_parser")
	is_string(name)
	name != ""
}

_flag(server) := serving.setting_name(server, "enable_auto_tool_choice")

_parser(server) := serving.setting_name(server, "tool_call_parser")

_true(server) := ": true" if {
	server.kind == "ModelDeployment"
} else := ""

_model(server) := sprintf("%s models", [server.model.type]) if {
	is_string(server.model.type)
	server.model.type != ""
} else := "the model"
