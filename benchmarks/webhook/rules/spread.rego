package bench.spread

resource := input.request.object

deny contains msg if {
	resource.spec.replicas > 1
	not spread
	msg := "all replicas may land on one node"
}

spread if {
	some constraint in resource.spec.template.spec.topologySpreadConstraints
	constraint.topologyKey == "kubernetes.io/hostname"
}
