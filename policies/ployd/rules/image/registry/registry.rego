# METADATA
# title: Images come from allowed registries
# description: >-
#   Whoever owns the repository an image comes from runs code beside the models and their keys. A name that is typed wrong or
#   copied from a blog is somebody else's image, and a registry the cluster cannot reach leaves the pod in ImagePullBackOff.
#   Names are read as container runtimes read them, so vllm/vllm-openai is docker.io/vllm/vllm-openai. Without a declared
#   list the rule is silent.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/containers/images/#image-names
#   description: Without a registry's name an image comes from Docker Hub
# - ref: https://github.com/distribution/reference/blob/main/normalize.go
#   description: How docker.io and library/ are added to a name
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
#   remedy: Take the image from an allowed registry; copy it there first where it is missing.
#   prevents: 'Somebody else''s code beside the models; or, where the registry cannot be reached, ImagePullBackOff'
package ployd.rules.image.registry

import data.ployd.lib.image
import data.ployd.lib.kinds
import data.ployd.lib.parameters
import data.ployd.lib.values
import data.ployd.lib.workload

deny contains row if {
	is_array(_allowed)
	some place in _images
	reference := place.reference
	not _is_allowed(reference)
	row := {
		"msg": sprintf("%s: image %s comes from no allowed registry%s", [place.owner, values.shown(reference), _read_as(reference)]),
		"path": place.path,
		"remedy": _remedy(reference),
	}
}

deny contains row if {
	count(_images) > 0
	_allowed != null
	not _is_usable
	row := parameters.unusable("image.registry", "allowed", _allowed, "a list of registries and folders in them, e.g. docker.io/vllm")
}

_parameters := parameters.of(input, "image.registry")

# null: no list is declared.
_allowed := object.get(_parameters, "allowed", null)

_is_usable if {
	is_array(_allowed)
	every entry in _allowed {
		_whole(entry)
	}
}

# Every image that is written, with its place.
_images contains place if {
	kinds.is_ployd(input.request, "ModelDeployment")
	reference := input.request.object.spec.model.image
	reference != null
	place := {"owner": "the model server", "reference": reference, "path": ["spec", "model", "image"]}
}

_images contains place if {
	base := workload.pod_path(input.request)
	some container in workload.containers(workload.pod(input.request))
	reference := container.value.image
	reference != null
	place := {
		"owner": container.name,
		"reference": reference,
		"path": array.concat(base, array.concat(container.path, ["image"])),
	}
}

_is_allowed(reference) if {
	name := _whole(image.parse(reference).name)
	some entry in _allowed
	_is_inside(name, _whole(entry))
}

# On the borders of folders: docker.io/vllm does not cover docker.io/vllm-copies.
_is_inside(name, folder) if name == folder

_is_inside(name, folder) if startswith(name, sprintf("%s/", [folder]))

# The name of an image or a folder of the list, with its registry. A folder may end with a slash.
_whole(name) := whole if {
	is_string(name)
	regex.match(`^[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?(/[a-z0-9._-]+)*/?$`, name)
	parts := split(trim_suffix(name, "/"), "/")
	whole := concat("/", array.concat(_registry(parts, name), _folders(parts)))
}

_registry(parts, _) := [_canonical(lower(parts[0]))] if _is_host(parts[0])

_registry(parts, name) := ["docker.io"] if {
	first := parts[0]
	not _is_host(first)
	not _is_official(parts, name)
}

_registry(parts, name) := ["docker.io", "library"] if _is_official(parts, name)

_folders(parts) := array.slice(parts, 1, count(parts)) if _is_host(parts[0])

_folders(parts) := parts if {
	first := parts[0]
	not _is_host(first)
}

# nginx is an image of Docker Hub's own folder; nginx/ is everything of a user of that name.
_is_official(parts, name) if {
	count(parts) == 1
	first := parts[0]
	not _is_host(first)
	not endswith(name, "/")
}

_is_host(part) if contains(part, ".")

_is_host(part) if contains(part, ":")

_is_host("localhost") := true

_is_host(part) if lower(part) != part

_canonical(host) := "docker.io" if {
	host in {"index.docker.io", "registry-1.docker.io"}
} else := host

# Said where the whole name is not the one that is written.
_read_as(reference) := sprintf(" (it means %s)", [whole]) if {
	name := image.parse(reference).name
	whole := _whole(name)
	whole != name
} else := ""

_remedy(reference) := sprintf("Take it from %s; copy it there first where it is missing.", [_either]) if {
	count(_allowed) > 0
	image.parse(reference)
} else := "Write the name of an image, with its registry." if {
	count(_allowed) > 0
} else := "The list of allowed registries is empty: have one added to it."

_either := concat(" or ", [entry | some entry in values.list(_allowed); is_string(entry)])
