package bench.cpu_most

resource := input.request.object

containers := array.concat(
	object.get(resource.spec.template.spec, "initContainers", []),
	resource.spec.template.spec.containers,
)

deny contains msg if {
	some container in containers
	units.parse(container.resources.requests.cpu) > 64
	msg := sprintf("container %s requests more than 64 cores", [container.name])
}
