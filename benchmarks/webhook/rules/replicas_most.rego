package bench.replicas_most

resource := input.request.object

deny contains msg if {
	resource.spec.replicas > 16
	msg := sprintf("%d replicas are more than 16", [resource.spec.replicas])
}
