package bench.secret_values

resource := input.request.object

containers := array.concat(
	object.get(resource.spec.template.spec, "initContainers", []),
	resource.spec.template.spec.containers,
)

deny contains msg if {
	some container in containers
	some variable in container.env
	regex.match(`(TOKEN|PASSWORD|SECRET|API_KEY)$`, variable.name)
	variable.value
	msg := sprintf("container %s has the value of %s in the clear", [container.name, variable.name])
}
