# METADATA
# title: There is room for what is downloaded
# description: >-
#   Weights that come from a hub, or through an init container, land on a volume or on the disk of the container. Where its
#   limit is below their size the kubelet evicts the pod at the end of the download, and the next pod downloads them again:
#   hours of traffic and no replica. A download also needs memory of its own; the 1Gi that KServe's storage-initializer has
#   by default is not enough for a model of several GiB.
# related_resources:
# - ref: https://github.com/kserve/kserve/issues/3792
#   description: The eviction text, with a volume smaller than the model
# - ref: https://github.com/kserve/kserve/issues/5162
#   description: A download of 14 GB needs about 2Gi of memory, one of 40 GB about 16Gi
# - ref: https://github.com/kserve/kserve/issues/5326
#   description: Models above 8 GB kill the init container at its default limit
# - ref: https://kubernetes.io/docs/concepts/storage/ephemeral-storage/
#   description: What counts as ephemeral storage, and that a pod above its limit is evicted
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
#   remedy: Raise the sizeLimit or the ephemeral storage above the size of the weights, or load them from a claim.
#   prevents: Usage of EmptyDir volume "models-dir" exceeds the limit "1536Mi".
package ployd.rules.pod.download_space

import data.ployd.lib.parameters
import data.ployd.lib.quantity
import data.ployd.lib.replica
import data.ployd.lib.serving
import data.ployd.lib.values

deny contains row if {
	some server in _sized
	_is_hub(_model_path(server))
	not _is_offline(server)
	written := replica.resource(input, server, "limits", "ephemeral-storage")
	_gib(written) < _needed(server)
	row := {
		"msg": sprintf("ephemeralStorage is %v, and %s GiB of weights are downloaded from %s: they need %s GiB", [
			written,
			replica.gib(server.weightsGiB),
			_model_path(server),
			replica.gib(_needed(server)),
		]),
		"path": ["spec", "resources", "ephemeralStorage"],
		"remedy": sprintf("Set resources.ephemeralStorage to %dGi, or leave it out.", [ceil(_needed(server))]),
		"related": [{"msg": "what is downloaded", "path": ["spec", "model", "path"]}],
	}
}

deny contains row if {
	some download in _downloads
	mount := download.mount
	limit := mount.volume.emptyDir.sizeLimit
	_gib(limit) < download.needed
	row := {
		"msg": sprintf("%s holds %v at most, and %s has %s GiB of weights there (%s): they need %s GiB", [
			mount.name,
			limit,
			download.server.owner,
			replica.gib(download.server.weightsGiB),
			download.folder,
			replica.gib(download.needed),
		]),
		"path": array.concat(mount.volumePath, ["emptyDir", "sizeLimit"]),
		"remedy": sprintf("Set sizeLimit to %dGi, or use a persistentVolumeClaim that keeps the weights.", [ceil(download.needed)]),
		"related": [{"msg": "mounted here", "path": mount.path}],
	}
}

deny contains row if {
	some download in _downloads
	is_object(download.mount.volume.emptyDir)
	not _is_in_memory(download)
	limit := _pod_limit(download.server)
	limit < download.needed
	row := _over_limit(download, limit, "the containers of the pod may use")
}

deny contains row if {
	some download in _downloads
	download.mount == null
	limit := _gib(replica.resource(input, download.server, "limits", "ephemeral-storage"))
	limit < download.needed
	row := _over_limit(download, limit, "it may use")
}

deny contains row if {
	count(_sized) > 0
	some name in ["factor", "initMemoryGi"]
	value := object.get(_parameters, name, null)
	not _is_above_none(value)
	row := parameters.unusable("pod.download_space", name, value, "a number above 0")
}

warn contains row if {
	some server in _sized
	some container in _init_containers(server)
	limit := container.value.resources.limits.memory
	_gib(limit) < _least
	_gib(limit) < server.weightsGiB
	row := {
		"msg": sprintf("%s has %v of memory to download %s GiB of weights; large downloads are killed there", [
			container.name,
			limit,
			replica.gib(server.weightsGiB),
		]),
		"path": array.concat(container.path, ["resources", "limits", "memory"]),
		"remedy": sprintf("Set its memory limit to %vGi or more.", [_least]),
	}
}

_over_limit(download, limit, who) := {
	"msg": sprintf("%s has %s GiB of weights in %s, and %s %s GiB of ephemeral storage: they need %s GiB", [
		download.server.owner,
		replica.gib(download.server.weightsGiB),
		download.folder,
		who,
		replica.gib(limit),
		replica.gib(download.needed),
	]),
	"path": replica.resource_path(download.server, "limits", "ephemeral-storage"),
	"remedy": sprintf("Set limits.ephemeral-storage to %dGi, or use a persistentVolumeClaim that keeps the weights.", [ceil(download.needed)]),
}

_parameters := parameters.of(input, "pod.download_space")

_factor := _parameters.factor if _is_above_none(_parameters.factor)

_least := _parameters.initMemoryGi if _is_above_none(_parameters.initMemoryGi)

_is_above_none(value) if {
	is_number(value)
	value > 0
	value < 1000000
}

_gib(written) := quantity.amount(written) / replica.bytes_per_gib

# Servers of which the size of the weights is known.
_sized := [server |
	some server in serving.servers(input)
	server.weightsGiB > 0
]

# With the tokenizer, the configuration and partly written files.
_needed(server) := server.weightsGiB * _factor

# Undefined for a pod.
_model_path(server) := replica.specification(input, server).model.path

_is_hub(path) if {
	is_string(path)
	regex.match(`^(hf://)?[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9_.-]+)?$`, path)
}

# Weights that get onto the disk of a pod: {"server", "folder", "mount" (null: the container's own), "needed"}.
_downloads contains download if {
	some server in _sized
	model := serving.setting(server, "model")
	_is_hub(model)
	not _is_offline(server)
	folder := _cache(server)
	download := {
		"server": server,
		"folder": folder,
		"mount": _mount(server, folder),
		"needed": _needed(server),
	}
}

# A folder of an emptyDir is empty at first: another container of the pod downloads into it.
_downloads contains download if {
	some server in _sized
	model := serving.setting(server, "model")
	mount := replica.mount_of(replica.mounts(input, server), model)
	is_object(mount.volume.emptyDir)
	download := {
		"server": server,
		"folder": model,
		"mount": mount,
		"needed": _needed(server),
	}
}

_is_offline(server) if _variable(server, "HF_HUB_OFFLINE") in {"1", "true", "TRUE", "True", "yes", "YES", "on", "ON"}

# Where huggingface_hub puts what it downloads; undefined where a variable comes from elsewhere.
_cache(server) := folder if {
	folder := serving.setting(server, "download_dir")
	is_string(folder)
} else := folder if {
	set := [place | some place in _places; _is_set(server, place.name)]
	folder := sprintf("%s%s", [_variable(server, set[0].name), set[0].below])
} else := "/root/.cache/huggingface/hub" if {
	every place in _places {
		_is_unset(server, place.name)
	}
}

# https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables, in the order they count.
_places := [
	{"name": "HF_HUB_CACHE", "below": ""},
	{"name": "HUGGINGFACE_HUB_CACHE", "below": ""},
	{"name": "HF_HOME", "below": "/hub"},
	{"name": "XDG_CACHE_HOME", "below": "/huggingface/hub"},
	{"name": "HOME", "below": "/.cache/huggingface/hub"},
]

_is_set(server, name) if server.environment[name]

_is_unset(server, name) if not _is_set(server, name)

_variable(server, name) := value if {
	value := server.environment[name].value
	is_string(value)
}

_mount(server, folder) := mount if {
	mount := replica.mount_of(replica.mounts(input, server), folder)
} else := null

_is_in_memory(download) if replica.in_memory(download.mount.volume)

# What the kubelet compares with: the sum of what containers have as a limit. Undefined where none has one.
_pod_limit(server) := sum(limits) if {
	limits := [_gib(limit) |
		some container in values.list(replica.pod(input, server).containers)
		limit := container.resources.limits["ephemeral-storage"]
		_gib(limit)
	]
	count(limits) > 0
}

_init_containers(server) := [found |
	some position, container in values.list(replica.pod(input, server).initContainers)
	is_object(container)
	some text in [object.get(container, "name", ""), object.get(container, "image", "")]
	is_string(text)
	regex.match(`storage-initializer|download|fetch`, text)
	found := {
		"name": _init_name(container, position),
		"value": container,
		"path": array.concat(replica.pod_path(server), ["initContainers", position]),
	}
]

_init_name(container, position) := name if {
	is_string(container.name)
	name := sprintf("init container %s", [container.name])
} else := sprintf("initContainers[%d]", [position])
