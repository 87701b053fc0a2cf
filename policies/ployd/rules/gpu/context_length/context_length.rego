# METADATA
# title: Requests are no longer than the model's context
# description: >-
#   A model knows the positions it was trained on. vLLM refuses a longer max_model_len; the variable that makes it accept
#   one leads to answers of NaN or to a CUDA error that ends the engine. Answers of max_tokens have to leave room for a
#   prompt, or every request that relies on the default is refused.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/issues/3676
#   description: The failure, in vLLM's words
# - ref: https://github.com/vllm-project/vllm/issues/17924
#   description: The variable leads to a crash
# - ref: https://github.com/vllm-project/vllm/pull/20904
#   description: The variable leads to NaN or to a CUDA error, almost always
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
#   remedy: Set max_model_len to at most the model's context and above max_tokens, and remove VLLM_ALLOW_LONG_MAX_MODEL_LEN.
#   prevents: >-
#     User-specified max_model_len (131072) is greater than the derived max_model_len (max_position_embeddings=32768 or
#     model_max_length=None in model's config.json).
package ployd.rules.gpu.context_length

import data.ployd.lib.numbers
import data.ployd.lib.serving
import data.ployd.lib.text
import data.ployd.lib.values

deny contains row if {
	some server in serving.servers(input)
	_is_longer(server)
	not _is_scaled(server)
	not _allows_more(server)
	row := {
		"msg": sprintf("%v is %v, and %v was made for %v tokens", [
			serving.setting_name(server, "max_model_len"),
			text.thousands(serving.setting(server, "max_model_len")),
			server.model.name,
			text.thousands(server.model.context),
		]),
		"path": serving.setting_path(server, "max_model_len"),
		"remedy": sprintf("Set %v to at most %v.", [serving.setting_name(server, "max_model_len"), text.thousands(server.model.context)]),
		"related": [{"msg": sprintf("the model is %v", [server.model.name]), "path": server.model.path}],
	}
}

deny contains row if {
	some server in serving.servers(input)
	_allows_more(server)
	row := {
		"msg": sprintf("%v is %v, so vLLM takes any max_model_len%v", [
			_variable,
			values.shown(server.environment[_variable].value),
			_beyond(server),
		]),
		"path": server.environment[_variable].path,
		"remedy": sprintf("Remove %v%v.", [_variable, _shorten(server)]),
	}
}

deny contains row if {
	some server in serving.servers(input)
	server.kind == "ModelDeployment"
	most := numbers.positive(input.request.object.spec.model.parameters.max_tokens)
	length := _length(server)
	most >= length
	row := {
		"msg": sprintf("max_tokens is %v, which leaves no room for a prompt: a request has %v tokens in all", [
			text.thousands(most),
			text.thousands(length),
		]),
		"path": ["spec", "model", "parameters", "max_tokens"],
		"remedy": sprintf("Set max_tokens below %v, such that the longest prompt and answer fit together.", [text.thousands(length)]),
		"related": [{"msg": "the tokens of a request", "path": serving.setting_path(server, "max_model_len")}],
	}
}

_variable := "VLLM_ALLOW_LONG_MAX_MODEL_LEN"

_is_longer(server) if {
	some refusal in values.list(server.refusals)
	refusal.term == "context"
}

# Positions are stretched, by how much is not looked into.
_is_scaled(server) if {
	some name in ["hf_overrides", "rope_scaling", "rope_theta"]
	server.settings[name]
}

# As vLLM reads it.
_allows_more(server) if {
	value := server.environment[_variable].value
	is_string(value)
	lower(trim_space(value)) in {"1", "true"}
}

_beyond(server) := sprintf(": %v, where %v was made for %v", [
	text.thousands(serving.setting(server, "max_model_len")),
	server.model.name,
	text.thousands(server.model.context),
]) if {
	_is_longer(server)
} else := ""

_shorten(server) := sprintf(" and set %v to at most %v", [
	serving.setting_name(server, "max_model_len"),
	text.thousands(server.model.context),
]) if {
	_is_longer(server)
} else := ""

# What is written, else what vLLM makes of it.
_length(server) := length if {
	length := numbers.positive(serving.setting(server, "max_model_len"))
} else := numbers.positive(server.estimate.settings.maxModelLen)
