package bench.host_path

resource := input.request.object

deny contains msg if {
	some volume in resource.spec.template.spec.volumes
	volume.hostPath
	msg := sprintf("volume %s is a folder of the node", [volume.name])
}
