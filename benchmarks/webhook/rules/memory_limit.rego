package bench.memory_limit

resource := input.request.object

containers := array.concat(
	object.get(resource.spec.template.spec, "initContainers", []),
	resource.spec.template.spec.containers,
)

deny contains msg if {
	some container in containers
	not container.resources.limits.memory
	msg := sprintf("container %s has no limit of memory", [container.name])
}
