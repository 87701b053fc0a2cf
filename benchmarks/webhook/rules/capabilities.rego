package bench.capabilities

resource := input.request.object

containers := array.concat(
	object.get(resource.spec.template.spec, "initContainers", []),
	resource.spec.template.spec.containers,
)

deny contains msg if {
	some container in containers
	not "ALL" in object.get(container.securityContext, ["capabilities", "drop"], [])
	msg := sprintf("container %s keeps capabilities", [container.name])
}
