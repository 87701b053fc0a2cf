# METADATA
# title: A rollout waits as long as the model takes to load
# description: >-
#   A Deployment whose new pod is not ready within progressDeadlineSeconds is reported as failed, though the pod goes on
#   loading and may well come up. kubectl rollout status, Flux and Argo CD then end with an error, and what is built on them
#   rolls back a version that was fine. The default of ten minutes is less than a large model takes from slow storage.
# related_resources:
# - ref: https://github.com/kserve/kserve/issues/5684
#   description: Ten minutes on H100 nodes; the rollout was reported as failed and came up afterwards
# - ref: https://github.com/kserve/kserve/issues/3795
#   description: A large model that was ended by its deadline
# - ref: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#progress-deadline-seconds
#   description: What happens after the deadline, and that it is 600 s where it is not set
# custom:
#   severity: warning
#   scope: object
#   level: full
#   kinds: [Deployment]
#   remedy: Set progressDeadlineSeconds above the time that loading the model takes.
#   prevents: 'error: deployment exceeded its progress deadline (ProgressDeadlineExceeded)'
package ployd.rules.pod.progress_deadline

import data.ployd.lib.numbers
import data.ployd.lib.replica
import data.ployd.lib.serving

warn contains row if {
	some server in serving.servers(input)
	server.kind == "Deployment"
	is_object(_specification)
	_deadline < server.loadSeconds.expected
	row := {
		"msg": sprintf("the rollout counts as failed after %s%s, but loading the model takes about %s, up to %s", [
			replica.seconds(_deadline),
			_origin,
			replica.seconds(server.loadSeconds.expected),
			replica.seconds(server.loadSeconds.pessimistic),
		]),
		"path": ["spec", "progressDeadlineSeconds"],
		"remedy": sprintf("Set progressDeadlineSeconds to %d, which covers a slow load.", [_minutes(server.loadSeconds.pessimistic)]),
		"related": [{"msg": sprintf("%s loads %s GiB of weights", [server.owner, replica.gib(server.weightsGiB)]), "path": server.path}],
	}
}

# Kubernetes' own default (k8s.io/kubernetes pkg/apis/apps/v1/defaults.go).
_default := 600

_specification := input.request.object.spec

_deadline := numbers.positive(_specification.progressDeadlineSeconds)

_deadline := _default if not _is_set

_is_set if numbers.positive(_specification.progressDeadlineSeconds)

_origin := "" if {
	_is_set
} else := ", the default"

# Whole minutes, as such deadlines are written.
_minutes(seconds) := ceil(seconds / 60) * 60
