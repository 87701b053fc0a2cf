package bench.replicas_least

resource := input.request.object

deny contains msg if {
	resource.spec.replicas < 2
	msg := sprintf("%d replicas: two are the least that survive a drained node", [resource.spec.replicas])
}
