package bench.probe_period

resource := input.request.object

deny contains msg if {
	some container in resource.spec.template.spec.containers
	some probe in ["readinessProbe", "livenessProbe", "startupProbe"]
	seconds := container[probe].periodSeconds
	not seconds in {5, 10, 15, 20, 30}
	msg := sprintf("%s of container %s asks every %d s", [probe, container.name, seconds])
}
