package bench.run_as_non_root

resource := input.request.object

containers := array.concat(
	object.get(resource.spec.template.spec, "initContainers", []),
	resource.spec.template.spec.containers,
)

deny contains msg if {
	some container in containers
	not non_root(container)
	msg := sprintf("container %s may run as root", [container.name])
}

non_root(_) if resource.spec.template.spec.securityContext.runAsNonRoot

non_root(container) if container.securityContext.runAsNonRoot
