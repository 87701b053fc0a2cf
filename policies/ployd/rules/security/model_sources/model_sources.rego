# METADATA
# title: Models come from the places that are allowed, by a commit
# description: >-
#   A model server reads weights, tokenizer, draft model and adapters from wherever a path says, and nobody sees a bucket
#   with a name that looks right. Where the environment declares its places every path has to lie within one of them, step
#   for step: s3://models-evil is not in s3://models. On the Hugging Face hub a branch or a tag names other files after the
#   author's next push, so each restart may bring another model. An environment that declares no places hears of the hub
#   only.
# related_resources:
# - ref: https://huggingface.co/docs/huggingface_hub/guides/download
#   description: revision takes a branch, a tag or a commit; unset it is the newest of main
# - ref: https://docs.vllm.ai/en/latest/features/lora/
#   description: Adapters that clients have loaded at run time are not for production
# - ref: https://genai.owasp.org/llmrisk/llm032025-supply-chain/
#   description: 'LLM03, supply chain: use models from verifiable sources only'
# custom:
#   severity: error
#   scope: object
#   level: full
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
#   remedy: Copy the model to a place that is allowed and name that; on the hub, set revision to a commit.
#   prevents: Another model than the one that was evaluated answers, and nothing in Git has changed.
package ployd.rules.security.model_sources

import data.ployd.lib.parameters
import data.ployd.lib.serving
import data.ployd.lib.sources
import data.ployd.lib.values

deny contains row if {
	_is_declared
	some source in sources.of(input)
	place := source.text
	not _is_allowed(place)
	row := {
		"msg": sprintf("%s reads the %s from %s, %s", [source.name, source.role, sources.shown(place), _why(place)]),
		"path": source.path,
		"remedy": _remedy,
	}
}

deny contains row if {
	allowed := object.get(_parameters, "allowed", null)
	not _is_usable(allowed)
	count(sources.of(input)) > 0
	row := parameters.unusable("security.model_sources", "allowed", allowed, "null or a list of paths such as s3://company-models/")
}

warn contains row if {
	some source in sources.of(input)
	source.revision != {}
	repository := sources.repository(source.text)
	revision := source.revision.text
	not sources.is_commit(revision)
	not _is_of_another_rule(source)
	row := {
		"msg": sprintf("%s names %s of the Hugging Face hub, but %s %s", [source.name, repository, source.revision.name, _moves(revision)]),
		"path": source.revision.path,
		"remedy": sprintf("Set %s to the commit that was evaluated, 40 digits from 0-9 and a-f.", [source.revision.name]),
	}
}

warn contains row if {
	some server in serving.servers(input)
	variable := server.environment.VLLM_ALLOW_RUNTIME_LORA_UPDATING
	is_string(variable.value)
	lower(variable.value) in {"1", "true"}
	row := {
		"msg": sprintf("VLLM_ALLOW_RUNTIME_LORA_UPDATING lets any client have %s load adapters from any place", [server.owner]),
		"path": variable.path,
		"remedy": "Remove VLLM_ALLOW_RUNTIME_LORA_UPDATING and name the adapters with --lora-modules.",
	}
}

_parameters := parameters.of(input, "security.model_sources")

_allowed := values.list(_parameters.allowed)

# Nothing declared: silent. A list that names no place allows none.
_is_declared if {
	is_array(_parameters.allowed)
	_is_usable(_parameters.allowed)
}

_is_usable(null) := true

_is_usable(allowed) if {
	is_array(allowed)
	every outer in allowed {
		sources.parse(outer)
	}
}

_is_allowed(place) if {
	some outer in _allowed
	sources.within(place, outer)
}

_remedy := sprintf("Name a place within %s.", [serving.either(array.slice(_allowed, 0, 5))]) if {
	count(_allowed) > 0
} else := "Have a place put into allowed of security.model_sources; this environment allows none."

_why(place) := "which is within none of the allowed places" if {
	sources.parse(place)
} else := "which is not written plainly: steps back, user names, escapes or capitals can mean another place"

_moves("") := "is not set, so every start takes the newest of main"

_moves(revision) := sprintf("is %s, which can be moved", [values.shown(revision)]) if revision != ""

# Where code is trusted security.remote_code demands the commit.
_is_of_another_rule(source) if serving.setting(source.server, "trust_remote_code") == true
