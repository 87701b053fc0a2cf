# METADATA
# title: The model's path is one that vLLM can read
# description: >-
#   vLLM streams a model from an object store (s3, gs, az) with loaders of its own and refuses every other load_format
#   for such a path. Older versions do not choose the streamer themselves: they take the path for a name on the Hugging
#   Face hub. So do all versions with the paths that other systems mount, hf://, pvc:// and oci://, on a command line. Where
#   the store's credentials cannot be there, this is a warning: a pod may have them from its node or its ServiceAccount.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/blob/main/vllm/config/vllm.py
#   description: auto becomes runai_streamer for an object store; any other format is refused
# - ref: https://docs.vllm.ai/en/latest/models/extensions/runai_model_streamer/
#   description: How vLLM reads safetensors from an object store
# - ref: https://github.com/vllm-project/vllm/issues/24313
#   description: A path in s3 taken for a name on the hub, by vLLM 0.10.1
# - ref: https://github.com/vllm-project/vllm/issues/23236
#   description: The same with a store of one's own
# - ref: https://github.com/ray-project/ray/issues/52499
#   description: Models in s3 that do not load without the streamer
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
#   remedy: Leave load_format out, or set it to runai_streamer where the version of vLLM does not choose it itself.
#   prevents: >-
#     To load a model from S3, 'load_format' must be 'runai_streamer' or 'runai_streamer_sharded', but got 'mistral'.
#     Repo id must be in the form 'repo_name' or 'namespace/repo_name': 's3://...'
package ployd.rules.vllm.object_storage

import data.ployd.lib.serving
import data.ployd.lib.sources
import data.ployd.lib.values
import data.ployd.lib.version

deny contains row if {
	some source in _stored
	format := _format(source.server)
	not format in {"", "auto"}
	not format in _formats
	row := {
		"msg": sprintf("%s is %s, and vLLM reads %s only with %s", [
			serving.setting_name(source.server, "load_format"),
			format,
			sources.shown(source.text),
			serving.either(_formats),
		]),
		"path": serving.setting_path(source.server, "load_format"),
		"remedy": _other_format(source.server),
		"related": [{"msg": "the path in an object store", "path": source.path}],
	}
}

deny contains row if {
	some source in _stored
	_is_left_to_vllm(source.server)
	version.below(source.server.version.text, data.ployd.vllm.objectStorage.rewrittenFrom)
	row := {
		"msg": sprintf("vLLM %s takes %s for a name on the Hugging Face hub; only from %s on it chooses the streamer itself", [
			source.server.version.text,
			sources.shown(source.text),
			data.ployd.vllm.objectStorage.rewrittenFrom,
		]),
		"path": serving.setting_path(source.server, "load_format"),
		"remedy": sprintf("Set %s to runai_streamer, or take vLLM %s or newer.", [
			serving.setting_name(source.server, "load_format"),
			data.ployd.vllm.objectStorage.rewrittenFrom,
		]),
		"related": [{"msg": "the path in an object store", "path": source.path}],
	}
}

# The platform mounts such paths for a ModelDeployment; a command line is vLLM's own.
deny contains row if {
	some source in sources.of(input)
	source.role == "model"
	source.server.kind != "ModelDeployment"
	some scheme, remedy in _mounted(source.text)
	startswith(lower(source.text), scheme)
	row := {
		"msg": sprintf("%s is %s, which vLLM takes for a name on the Hugging Face hub", [source.name, sources.shown(source.text)]),
		"path": source.path,
		"remedy": remedy,
	}
}

warn contains row if {
	some source in _stored
	startswith(lower(source.text), "s3://")
	server := source.server
	not _has_more(server)
	some [there, missing] in [["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"]]
	variable := server.environment[there]
	not _is_set(server, missing)
	row := {
		"msg": sprintf("%s has %s and no %s, so it cannot sign a request for %s", [
			server.owner,
			there,
			missing,
			sources.shown(source.text),
		]),
		"path": variable.path,
		"remedy": sprintf("Add %s from the same Secret.", [missing]),
	}
}

# Without the node's identity, a ServiceAccount or a Secret there is nothing left to sign with.
warn contains row if {
	some source in _stored
	startswith(lower(source.text), "s3://")
	server := source.server
	variable := server.environment.AWS_EC2_METADATA_DISABLED
	variable.value == "true"
	not _has_more(server)
	not _has_identity(server)
	row := {
		"msg": sprintf("%s reads %s without credentials: the node is not asked, and it has no Secret and no ServiceAccount", [
			server.owner,
			sources.shown(source.text),
		]),
		"path": variable.path,
		"remedy": _credentials(server),
	}
}

_formats := values.list(data.ployd.vllm.objectStorage.formats)

# Models of vLLM servers in an object store. vLLM takes schemes in any capitals.
_stored := [source |
	some source in sources.of(input)
	source.role == "model"
	source.server != {}
	place := lower(source.text)
	some scheme in values.list(data.ployd.vllm.objectStorage.schemes)
	startswith(place, sprintf("%v://", [scheme]))
]

_format(server) := lower(value) if {
	value := serving.setting(server, "load_format")
	is_string(value)
} else := ""

_is_left_to_vllm(server) if _format(server) in {"", "auto"}

_other_format(server) := sprintf("Set %s to runai_streamer.", [serving.setting_name(server, "load_format")]) if {
	version.below(server.version.text, data.ployd.vllm.objectStorage.rewrittenFrom)
} else := sprintf("Remove %s; vLLM then takes runai_streamer.", [serving.setting_name(server, "load_format")])

_mounted(place) := {
	"hf://": sprintf("Write %s.", [_repository(place)]),
	"pvc://": "Mount the volume and name the folder.",
	"oci://": "Mount the image as a volume and name the folder.",
}

_repository(place) := sources.repository(place) if {
	sources.repository(place)
} else := "owner/name"

_is_set(server, name) if is_object(server.environment[name])

# Variables that a Secret or a webhook brings are not to be seen here.
_has_more(server) if {
	server.kind == "ModelDeployment"
	is_object(input.request.object.spec.model.credentials)
}

_has_more(server) if {
	server.kind != "ModelDeployment"
	container := object.get(input.request.object, server.path, {})
	count(values.list(container.envFrom)) > 0
}

_has_identity(server) if {
	some name in [
		"AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE",
		"AWS_CONFIG_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	]
	_is_set(server, name)
}

_has_identity(server) if {
	server.kind == "ModelDeployment"
	_is_named(object.get(input.request.object, ["spec", "serviceAccountName"], ""))
}

_has_identity(server) if {
	server.kind != "ModelDeployment"
	pod := array.slice(server.path, 0, count(server.path) - 2)
	_is_named(object.get(input.request.object, array.concat(pod, ["serviceAccountName"]), ""))
}

_is_named(account) if {
	is_string(account)
	not account in {"", "default"}
}

_credentials(server) := "Set spec.model.credentials.secretRef.name or spec.serviceAccountName, or remove AWS_EC2_METADATA_DISABLED." if {
	server.kind == "ModelDeployment"
} else := "Set serviceAccountName or the variables from a Secret, or remove AWS_EC2_METADATA_DISABLED."
