package bench.image_registry

resource := input.request.object

containers := array.concat(
	object.get(resource.spec.template.spec, "initContainers", []),
	resource.spec.template.spec.containers,
)

registries := ["registry.example.com/", "nvcr.io/nvidia/"]

deny contains msg if {
	some container in containers
	not from_known_registry(container.image)
	msg := sprintf("container %s takes its image from an unknown registry: %s", [container.name, container.image])
}

from_known_registry(image) if {
	some registry in registries
	startswith(image, registry)
}
