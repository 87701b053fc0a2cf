package bench.gpu_count

resource := input.request.object

containers := array.concat(
	object.get(resource.spec.template.spec, "initContainers", []),
	resource.spec.template.spec.containers,
)

deny contains msg if {
	some container in containers
	gpus := container.resources.limits["nvidia.com/gpu"]
	not to_number(gpus) in {1, 2, 4, 8}
	msg := sprintf("container %s takes %s GPUs, which no node divides into", [container.name, gpus])
}
