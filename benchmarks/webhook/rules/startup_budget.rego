package bench.startup_budget

resource := input.request.object

deny contains msg if {
	some container in resource.spec.template.spec.containers
	probe := container.startupProbe
	budget := probe.periodSeconds * probe.failureThreshold
	budget < 300
	msg := sprintf("container %s has %d s to load its model", [container.name, budget])
}
