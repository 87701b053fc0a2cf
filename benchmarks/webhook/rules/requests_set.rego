package bench.requests_set

resource := input.request.object

containers := array.concat(
	object.get(resource.spec.template.spec, "initContainers", []),
	resource.spec.template.spec.containers,
)

deny contains msg if {
	some container in containers
	some name in ["cpu", "memory"]
	not container.resources.requests[name]
	msg := sprintf("container %s requests no %s", [container.name, name])
}
