# METADATA
# title: Pods get the time their running requests need
# description: >-
#   Kubernetes kills a pod terminationGracePeriodSeconds after it asked it to stop, and what a preStop hook sleeps counts.
#   Where that is no longer than preStop and vLLM's shutdown timeout together, answers that are being streamed are cut off
#   with each rollout, each scale-down and each drained node, although somebody set both so that they would not be.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/pull/43208
#   description: terminationGracePeriodSeconds above preStop sleep + --shutdown-timeout
# - ref: https://github.com/kserve/kserve/pull/5496
#   description: The order of events when a pod stops, and KServe's 15 s + 45 s within 60 s
# - ref: https://github.com/llm-d/llm-d/issues/1525
#   description: The default of 30 s kills the pod before the drain ends
# - ref: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
#   description: The grace period begins before the preStop hook and is 30 s where it is not set
# custom:
#   severity: warning
#   scope: object
#   level: full
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
#   remedy: Set terminationGracePeriodSeconds above the sum of the preStop sleep and the shutdown timeout.
#   prevents: 'Streams that break off with each rollout, as in curl: (18) transfer closed with outstanding read data remaining'
package ployd.rules.pod.graceful_stop

import data.ployd.lib.numbers
import data.ployd.lib.replica
import data.ployd.lib.serving
import data.ployd.lib.values

warn contains row if {
	some server in serving.servers(input)
	holder := _holder(server)
	needed := _pre_stop(server) + _timeout(server)
	needed > 0
	grace := _grace(holder)
	grace <= needed
	row := {
		"msg": sprintf("%s needs %v s to stop (%s), but is killed after %v s%s", [
			server.owner,
			needed,
			_parts(server),
			grace,
			_origin(holder),
		]),
		"path": array.concat(_holder_path(server), ["terminationGracePeriodSeconds"]),
		"remedy": _remedy(server, needed, grace),
	}
}

# Kubernetes' own default (k8s.io/kubernetes pkg/apis/core/v1/defaults.go).
_default := 30

# The mapping that terminationGracePeriodSeconds belongs to.
_holder(server) := replica.specification(input, server)

_holder(server) := replica.pod(input, server)

_holder_path(server) := ["spec"] if {
	server.kind == "ModelDeployment"
} else := replica.pod_path(server)

_grace(holder) := numbers.natural(holder.terminationGracePeriodSeconds)

_grace(holder) := _default if {
	value := object.get(holder, "terminationGracePeriodSeconds", null)
	not numbers.natural(value)
}

_origin(holder) := "" if {
	numbers.natural(holder.terminationGracePeriodSeconds) >= 0
} else := ", the default"

_timeout(server) := value if {
	value := serving.setting(server, "shutdown_timeout")
	_is_seconds(value)
} else := 0

# Seconds of a preStop hook that sleeps; what another command takes is not known.
_pre_stop(server) := seconds if {
	seconds := _hook(server).sleep.seconds
	_is_seconds(seconds)
} else := sum([_seconds(found) | some found in regex.find_n(`(^|[\s;&|/])sleep\s+[0-9]{1,9}`, _command(server), -1)])

# More than a billion seconds is a typing error.
_is_seconds(value) if {
	is_number(value)
	value > 0
	value < 1000000000
}

_seconds(text) := to_number(regex.replace(regex.find_n(`[0-9]+$`, text, 1)[0], `^0+([0-9])`, "${1}"))

_hook(server) := hook if {
	hook := replica.container(input, server).lifecycle.preStop
	is_object(hook)
} else := {}

_command(server) := concat(" ", [word | some word in values.list(_hook(server).exec.command); is_string(word)]) if {
	is_object(_hook(server).exec)
} else := ""

_parts(server) := concat(" + ", [part |
	some [seconds, name] in [[_pre_stop(server), "preStop"], [_timeout(server), serving.setting_name(server, "shutdown_timeout")]]
	seconds > 0
	part := sprintf("%v s %s", [seconds, name])
])

_remedy(server, needed, grace) := sprintf("Set terminationGracePeriodSeconds above %v, or %s below %v.", [
	needed,
	serving.setting_name(server, "shutdown_timeout"),
	grace - _pre_stop(server),
]) if {
	_timeout(server) > 0
	grace - _pre_stop(server) > 1
} else := sprintf("Set terminationGracePeriodSeconds above %v.", [needed])
