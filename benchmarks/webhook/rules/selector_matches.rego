package bench.selector_matches

resource := input.request.object

deny contains msg if {
	some key, value in resource.spec.selector.matchLabels
	object.get(resource.spec.template.metadata.labels, key, "") != value
	msg := sprintf("the selector wants label %s=%s, and the pods do not have it", [key, value])
}
