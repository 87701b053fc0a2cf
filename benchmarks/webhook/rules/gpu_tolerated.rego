package bench.gpu_tolerated

resource := input.request.object

containers := array.concat(
	object.get(resource.spec.template.spec, "initContainers", []),
	resource.spec.template.spec.containers,
)

deny contains msg if {
	some container in containers
	container.resources.limits["nvidia.com/gpu"]
	not tolerated
	msg := sprintf("container %s takes GPUs, and the pod does not tolerate their taint", [container.name])
}

tolerated if {
	some toleration in resource.spec.template.spec.tolerations
	toleration.key == "nvidia.com/gpu"
}
