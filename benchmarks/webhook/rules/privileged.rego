package bench.privileged

resource := input.request.object

containers := array.concat(
	object.get(resource.spec.template.spec, "initContainers", []),
	resource.spec.template.spec.containers,
)

deny contains msg if {
	some container in containers
	container.securityContext.privileged
	msg := sprintf("container %s is privileged", [container.name])
}
