package bench.readiness_probe

resource := input.request.object

deny contains msg if {
	some container in resource.spec.template.spec.containers
	not container.readinessProbe
	msg := sprintf("container %s has no readiness probe", [container.name])
}
