package bench.rollout_keeps_all

resource := input.request.object

deny contains msg if {
	resource.spec.strategy.type == "RollingUpdate"
	resource.spec.strategy.rollingUpdate.maxUnavailable != 0
	msg := "a rollout takes replicas away before the new ones answer"
}
