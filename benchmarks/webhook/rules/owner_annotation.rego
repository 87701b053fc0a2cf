package bench.owner_annotation

resource := input.request.object

deny contains msg if {
	not endswith(object.get(resource.metadata.annotations, "example.com/owner", ""), "@example.com")
	msg := "annotation example.com/owner names nobody at example.com"
}
