package bench.memory_guaranteed

resource := input.request.object

containers := array.concat(
	object.get(resource.spec.template.spec, "initContainers", []),
	resource.spec.template.spec.containers,
)

deny contains msg if {
	some container in containers
	container.resources.requests.memory != container.resources.limits.memory
	msg := sprintf("container %s requests other memory than its limit", [container.name])
}
