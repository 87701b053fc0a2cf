package bench.memory_most

resource := input.request.object

containers := array.concat(
	object.get(resource.spec.template.spec, "initContainers", []),
	resource.spec.template.spec.containers,
)

deny contains msg if {
	some container in containers
	limit := container.resources.limits.memory
	units.parse_bytes(limit) > 274877906944
	msg := sprintf("container %s may take %s of memory, more than 256Gi", [container.name, limit])
}
