# METADATA
# title: Probes wait until the model is loaded
# description: >-
#   vLLM answers /health only once the weights are read and the engine is captured, which takes minutes for a large model. A
#   startupProbe that gives up earlier, or a livenessProbe without one, restarts the container in the middle of loading; the
#   next attempt takes as long and ends the same way. initialDelaySeconds of a livenessProbe is no way out, as it delays
#   every small model and is too short for the next larger one.
# related_resources:
# - ref: https://docs.vllm.ai/en/latest/deployment/k8s.html
#   description: vLLM's troubleshooting names this log line and the probe as its cause
# - ref: https://github.com/vllm-project/vllm/issues/17386
#   description: gemma-3-1b-it on an L4, ended by SIGTERM while it started
# - ref: https://github.com/kserve/kserve/issues/5062
#   description: Why KServe took a startupProbe of 60 x 10 s in place of initialDelaySeconds
# - ref: https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/
#   description: The other probes wait until the startupProbe has passed; failureThreshold x periodSeconds is its budget
# custom:
#   severity: error
#   scope: object
#   level: basic
#   kinds:
#   - ModelDeployment
#   - Pod
#   - PodTemplate
#   - ReplicationController
#   - DaemonSet
#   - Deployment
#   - ReplicaSet
#   - StatefulSet
#   - CronJob
#   - Job
#   remedy: Give the server a startupProbe whose failureThreshold x periodSeconds covers the slowest load.
#   prevents: 'KeyboardInterrupt: terminated'
package ployd.rules.pod.startup_budget

import data.ployd.lib.parameters
import data.ployd.lib.replica
import data.ployd.lib.serving

deny contains row if {
	some waiting in _waiting
	waiting.probe == "startupProbe"
	waiting.patience < waiting.load.optimistic
	row := _starting(waiting)
}

deny contains row if {
	some waiting in _waiting
	waiting.probe == "livenessProbe"
	waiting.patience < waiting.load.expected
	row := _living(waiting, sprintf("loading takes about %s", [replica.seconds(waiting.load.expected)]))
}

deny contains row if {
	some waiting in _unknown
	waiting.probe == "livenessProbe"
	waiting.patience < _least
	row := _living(
		object.union(waiting, {"load": {"pessimistic": _recommended}}),
		sprintf("the model is not known, but hardly any takes less than %s", [replica.seconds(_least)]),
	)
}

deny contains row if {
	count(_unknown) > 0
	some name in ["leastSeconds", "recommendedSeconds"]
	value := object.get(_parameters, name, null)
	not _is_seconds(value)
	row := parameters.unusable("pod.startup_budget", name, value, "a number above 0")
}

warn contains row if {
	some waiting in _waiting
	waiting.probe == "startupProbe"
	waiting.patience >= waiting.load.optimistic
	waiting.patience < waiting.load.expected
	row := _starting(waiting)
}

warn contains row if {
	some waiting in _waiting
	waiting.probe == "livenessProbe"
	waiting.patience >= waiting.load.expected
	waiting.patience < waiting.load.pessimistic
	row := _living(waiting, sprintf("loading takes up to %s", [replica.seconds(waiting.load.pessimistic)]))
}

# Nothing is known of the model but that vLLM itself takes a while.
warn contains row if {
	some waiting in _unknown
	waiting.probe == "startupProbe"
	waiting.patience < _least
	row := {
		"msg": sprintf("%s has %s to start (%s); the model is not known, but hardly any takes less than %s", [
			waiting.server.owner,
			replica.seconds(waiting.patience),
			replica.patience_shown(waiting.value),
			replica.seconds(_least),
		]),
		"path": array.concat(waiting.path, ["failureThreshold"]),
		"remedy": _higher(waiting, _recommended),
	}
}

_starting(waiting) := {
	"msg": sprintf("%s has %s to start (%s), but loading takes about %s, %s at the least", [
		waiting.server.owner,
		replica.seconds(waiting.patience),
		replica.patience_shown(waiting.value),
		replica.seconds(waiting.load.expected),
		replica.seconds(waiting.load.optimistic),
	]),
	"path": array.concat(waiting.path, ["failureThreshold"]),
	"remedy": _higher(waiting, waiting.load.pessimistic),
}

_living(waiting, why) := {
	"msg": sprintf("%s is restarted after %s (livenessProbe, %s), and no startupProbe holds that back: %s", [
		waiting.server.owner,
		replica.seconds(waiting.patience),
		replica.patience_shown(waiting.value),
		why,
	]),
	"path": replica.probe_path(waiting.server, "startupProbe"),
	"remedy": sprintf("Add a startupProbe like the livenessProbe, with periodSeconds %v and failureThreshold %d for a slow load of %s, without a delay.", [
		replica.period(waiting.value),
		_attempts(waiting, 0, waiting.load.pessimistic),
		replica.seconds(waiting.load.pessimistic),
	]),
	"related": [{"msg": "the livenessProbe", "path": waiting.path}],
}

_higher(waiting, wanted) := sprintf("Set startupProbe.failureThreshold to %d: x %v s covers a slow load of %s.", [
	_attempts(waiting, replica.initial_delay(waiting.value), wanted),
	replica.period(waiting.value),
	replica.seconds(wanted),
])

_attempts(waiting, before, wanted) := ceil((wanted - before) / replica.period(waiting.value))

_parameters := parameters.of(input, "pod.startup_budget")

_least := _parameters.leastSeconds if _is_seconds(_parameters.leastSeconds)

_recommended := _parameters.recommendedSeconds if _is_seconds(_parameters.recommendedSeconds)

_is_seconds(value) if {
	is_number(value)
	value > 0
	value < 1000000000
}

# The probe that ends a start too long, of each server that has one.
_probes contains found if {
	some server in serving.servers(input)
	probe := replica.probe(input, server, "startupProbe")
	found := _found(server, "startupProbe", probe)
}

_probes contains found if {
	some server in serving.servers(input)
	not _has_startup(server)
	probe := replica.probe(input, server, "livenessProbe")
	found := _found(server, "livenessProbe", probe)
}

_has_startup(server) if replica.probe(input, server, "startupProbe")

_found(server, name, probe) := {
	"server": server,
	"probe": name,
	"value": probe,
	"path": replica.probe_path(server, name),
	"patience": replica.patience(probe),
}

_waiting contains waiting if {
	some found in _probes
	is_object(found.server.loadSeconds)
	waiting := object.union(found, {"load": found.server.loadSeconds})
}

_unknown contains found if {
	some found in _probes
	load := object.get(found.server, "loadSeconds", null)
	not is_object(load)
}
