package bench.image_tag

resource := input.request.object

containers := array.concat(
	object.get(resource.spec.template.spec, "initContainers", []),
	resource.spec.template.spec.containers,
)

deny contains msg if {
	some container in containers
	not pinned(container.image)
	msg := sprintf("the image of container %s has no tag that stays", [container.name])
}

pinned(image) if contains(image, "@sha256:")

pinned(image) if {
	parts := split(image, ":")
	count(parts) == 2
	not parts[1] in {"latest", "nightly", "main"}
}
