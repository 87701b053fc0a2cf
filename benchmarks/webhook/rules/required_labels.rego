package bench.required_labels

resource := input.request.object

required := {"app.kubernetes.io/name", "app.kubernetes.io/version", "example.com/team", "example.com/cost-center"}

deny contains msg if {
	missing := required - object.keys(object.get(resource.metadata, "labels", {}))
	count(missing) > 0
	msg := sprintf("labels are missing: %s", [concat(", ", sort(missing))])
}
