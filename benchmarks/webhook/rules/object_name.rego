package bench.object_name

resource := input.request.object

deny contains msg if {
	not regex.match(`^[a-z][a-z0-9-]{2,50}$`, resource.metadata.name)
	msg := sprintf("the name %q is not 3 to 51 small letters, digits and dashes", [resource.metadata.name])
}
