package bench.image_pull_policy

resource := input.request.object

containers := array.concat(
	object.get(resource.spec.template.spec, "initContainers", []),
	resource.spec.template.spec.containers,
)

deny contains msg if {
	some container in containers
	object.get(container, "imagePullPolicy", "IfNotPresent") == "Always"
	msg := sprintf("container %s pulls its image at every start", [container.name])
}
