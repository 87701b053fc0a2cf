# METADATA
# title: Images are pinned
# description: >-
#   The tag latest means another image on each node and each restart. vLLM drops flags and GPUs between versions, so a pod
#   that is rescheduled at night comes back with a server that does not know its arguments. A digest is the image that was
#   tested and scanned. Which environments demand a digest is data.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/containers/images/#image-pull-policy
#   description: Tags can be moved, digests cannot; do not use latest in production
# - ref: https://github.com/kserve/kserve/pull/6037
#   description: Samples whose image had dropped a flag they passed; the container never came up
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
#   remedy: Write a version and, where it is demanded, the digest, as in name:v1.2.3@sha256:...
#   prevents: 'Another image than the one that was reviewed, once the tag has moved'
package ployd.rules.image.pinned

import data.ployd.lib.image
import data.ployd.lib.kinds
import data.ployd.lib.parameters
import data.ployd.lib.values
import data.ployd.lib.workload

deny contains row if {
	some place in _images
	place.reference == null
	row := {
		"msg": sprintf("%s names no image, so what runs is chosen elsewhere", [place.owner]),
		"path": place.path,
		"remedy": "Name the image with its version and digest.",
	}
}

deny contains row if {
	some place in _images
	reference := place.reference
	reference != null
	not _parts[reference]
	row := {
		"msg": sprintf("%s: %s is no image reference", [place.owner, values.shown(reference)]),
		"path": place.path,
		"remedy": "Write it as name:tag@sha256:<64 digits from 0-9 and a-f>.",
	}
}

deny contains row if {
	some place in _images
	parts := _parts[place.reference]
	parts.digest == ""
	_moves(parts.tag)
	row := {
		"msg": sprintf("%s: image %s is not pinned: %s", [place.owner, place.reference, _why(parts.tag)]),
		"path": place.path,
		"remedy": sprintf("Write the version that was tested, as in %s:v1.2.3@sha256:...", [parts.name]),
	}
}

deny contains row if {
	some place in _images
	not _parameters.digest == false
	parts := _parts[place.reference]
	parts.digest == ""
	tag := parts.tag
	not _moves(tag)
	row := {
		"msg": sprintf("%s: image %s has a tag that can be moved and no digest", [place.owner, place.reference]),
		"path": place.path,
		"remedy": sprintf("Add the digest: %s@sha256:...", [place.reference]),
	}
}

_parameters := parameters.of(input, "image.pinned")

# What each image reference says, read once. What is no reference is not there.
_parts[reference] := parts if {
	some place in _images
	reference := place.reference
	parts := image.parse(reference)
}

# Every image of the object with its place; null where one is due and not written.
_images contains place if {
	kinds.is_ployd(input.request, "ModelDeployment")
	_is_due(_model_image)
	place := {"owner": "the model server", "reference": _model_image, "path": ["spec", "model", "image"]}
}

_images contains place if {
	base := workload.pod_path(input.request)
	some container in workload.containers(workload.pod(input.request))
	place := {
		"owner": container.name,
		"reference": object.get(container.value, "image", null),
		"path": array.concat(base, array.concat(container.path, ["image"])),
	}
}

_model_image := reference if {
	reference := input.request.object.spec.model.image
} else := null

_is_due(reference) if reference != null

# Nothing said about it is the strict answer.
_is_due(null) if not _parameters.required == false

_moves(tag) if tag in {"", "latest"}

_moves(tag) if {
	tag in values.list(_parameters.movingTags)
}

_why("") := "without a tag it means latest"

_why(tag) := sprintf("the tag %s moves", [tag]) if tag != ""
