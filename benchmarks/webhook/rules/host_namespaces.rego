package bench.host_namespaces

resource := input.request.object

deny contains msg if {
	some name in ["hostNetwork", "hostPID", "hostIPC"]
	resource.spec.template.spec[name]
	msg := sprintf("the pod takes %s", [name])
}
