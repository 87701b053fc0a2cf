# METADATA
# title: A gated model has a token to be fetched with
# description: >-
#   Some repositories of the Hugging Face hub are given only to accounts that accepted their licence. Without a token vLLM
#   stops on the first file it asks for, and the pod restarts until somebody reads its log. The token belongs into a Secret
#   that the server gets as HF_TOKEN. Which repositories are gated is data, as their owners change it.
# related_resources:
# - ref: https://huggingface.co/docs/hub/models-gated
#   description: Files of a gated model need a token of an account that has access
# - ref: https://github.com/ray-project/ray/issues/54812
#   description: vLLM in a cluster, without a token for a Llama model
# - ref: https://github.com/kaito-project/kaito/issues/1609
#   description: The same in a Kubernetes operator
# - ref: https://github.com/huggingface/alignment-handbook/issues/166
#   description: A repository of mistralai that became gated overnight
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
#   remedy: Name a Secret with the token under spec.model.credentials, or give the server HF_TOKEN from one.
#   prevents: '401 Client Error. Access to model meta-llama/Llama-3.1-8B-Instruct is restricted.'
package ployd.rules.vllm.gated_model

import data.ployd.lib.parameters
import data.ployd.lib.sources
import data.ployd.lib.values

deny contains row if {
	some source in sources.of(input)
	server := source.server
	server != {}
	repository := sources.repository(source.text)
	_is_gated(repository)
	not _has_token(server)
	row := {
		"msg": sprintf("%s names %s, which the Hugging Face hub gives only to accounts with access, and %s has no token", [
			source.name,
			repository,
			server.owner,
		]),
		"path": _path(server),
		"remedy": _remedy(server),
		"related": [{"msg": "the gated repository", "path": source.path}],
	}
}

deny contains row if {
	gated := object.get(_parameters, "gated", null)
	not _is_usable(gated)
	count(sources.of(input)) > 0
	row := parameters.unusable("vllm.gated_model", "gated", gated, "a list of beginnings such as meta-llama/")
}

_parameters := parameters.of(input, "vllm.gated_model")

_is_usable(null) := true

_is_usable(gated) if {
	is_array(gated)
	every beginning in gated {
		is_string(beginning)
		beginning != ""
	}
}

# The hub does not tell capitals apart.
_is_gated(repository) if {
	some beginning in values.list(_parameters.gated)
	is_string(beginning)
	beginning != ""
	startswith(lower(repository), lower(beginning))
}

_variables := {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH"}

# Whether the value stands in the manifest is the question of security.literal_secrets.
_has_token(server) if {
	some name in _variables
	is_object(server.environment[name])
}

_has_token(server) if is_object(server.settings.hf_token)

# The cache or a mirror is asked instead of the hub.
_has_token(server) if {
	some name in ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]
	lower(sprintf("%v", [server.environment[name].value])) in {"1", "true", "yes", "on"}
}

_has_token(server) if {
	some name in ["HF_ENDPOINT", "VLLM_USE_MODELSCOPE"]
	is_object(server.environment[name])
}

_has_token(server) if {
	server.kind == "ModelDeployment"
	input.request.object.spec.model.credentials.secretRef.name != null
}

# All keys of a Secret as variables: what they are is not to be seen here.
_has_token(server) if {
	server.kind != "ModelDeployment"
	container := object.get(input.request.object, server.path, {})
	some from in values.list(container.envFrom)
	is_object(from.secretRef)
}

_path(server) := ["spec", "model", "credentials"] if {
	server.kind == "ModelDeployment"
} else := array.concat(server.path, ["env"])

_remedy(server) := "Set spec.model.credentials.secretRef.name to a Secret of this namespace with the key HF_TOKEN." if {
	server.kind == "ModelDeployment"
} else := "Add HF_TOKEN to env, with valueFrom.secretKeyRef naming a Secret of this namespace that holds the token."
