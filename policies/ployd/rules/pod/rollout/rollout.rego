# METADATA
# title: A rollout finds GPUs for the pods it starts
# description: >-
#   A Deployment that starts a new pod before it stops an old one (maxSurge above 0, maxUnavailable 0) needs free GPUs of the
#   same kind for it. With few replicas that is Kubernetes' default: 25 % of them rounds up to one more and down to none
#   less. Where every GPU is taken the new pod stays Pending and the old one is never stopped, so no version, and no fix
#   either, is ever rolled out. Whoever writes both numbers has decided; spareGPUs says what there is.
# related_resources:
# - ref: https://github.com/ai-runway/airunway/issues/400
#   description: The defaults of a Deployment with one replica and one GPU, as a deadlock
# - ref: https://github.com/defilantech/LLMKube/issues/192
#   description: A rolling update of a service on all GPUs that never ends
# - ref: https://github.com/opendatahub-io/kserve/pull/1822
#   description: maxSurge 0 and maxUnavailable 1 roll out without a spare GPU
# - ref: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment
#   description: Both are 25 % where they are not set; maxSurge is rounded up, maxUnavailable down
# custom:
#   severity: error
#   scope: object
#   level: full
#   kinds: [Deployment]
#   remedy: Set strategy.rollingUpdate to maxSurge 0 and maxUnavailable 1, or the type to Recreate, or keep GPUs free.
#   prevents: '0/N nodes are available: N Insufficient nvidia.com/gpu.'
package ployd.rules.pod.rollout

import data.ployd.lib.numbers
import data.ployd.lib.parameters
import data.ployd.lib.replica
import data.ployd.lib.serving

deny contains row if {
	_needs_spare
	_spare != null
	_spare < _gpus
	row := {
		"msg": sprintf("a rollout starts another pod before it stops one, for which %s must be free; spareGPUs is %d, so it never ends", [
			replica.gpus(_gpus),
			_spare,
		]),
		"path": ["spec", "strategy"],
		"remedy": _remedy,
		"related": _where,
	}
}

deny contains row if {
	_applies
	value := object.get(_parameters, "spareGPUs", null)
	value != null
	not numbers.natural(value)
	row := parameters.unusable("pod.rollout", "spareGPUs", value, "a whole number")
}

warn contains row if {
	_spare == null
	_needs_spare
	not _is_decided
	row := {
		"msg": sprintf("a rollout starts another pod before it stops %s, by default: %s must be free, or it never ends", [
			_old,
			replica.gpus(_gpus * _surge),
		]),
		"path": ["spec", "strategy"],
		"remedy": sprintf("%s Or write maxSurge: 1 and maxUnavailable: 0, if GPUs are kept free.", [_remedy]),
		"related": _where,
	}
}

warn contains row if {
	_needs_spare
	_spare >= _gpus
	_spare < _gpus * _surge
	row := {
		"msg": sprintf("a rollout starts %d pods before it stops one, for which %s must be free; spareGPUs is %d, so some stay Pending", [
			_surge,
			replica.gpus(_gpus * _surge),
			_spare,
		]),
		"path": ["spec", "strategy"],
		"remedy": sprintf("Set strategy.rollingUpdate.maxSurge to %d.", [floor(_spare / _gpus)]),
		"related": _where,
	}
}

# Kubernetes' own default of both (k8s.io/kubernetes pkg/apis/apps/v1/defaults.go), in percent.
_default := "25%"

_parameters := parameters.of(input, "pod.rollout")

# Null where it is not declared; undefined where it cannot be used.
_spare := null if {
	object.get(_parameters, "spareGPUs", null) == null
}

_spare := numbers.natural(_parameters.spareGPUs)

# GPUs of one pod of the Deployment, of all its servers.
_gpus := sum([server.gpu.count |
	some server in serving.servers(input)
	server.kind == "Deployment"
])

_applies if {
	is_object(input.request.object.spec)
	_gpus > 0
}

_strategy := strategy if {
	strategy := input.request.object.spec.strategy
	is_object(strategy)
} else := {}

_numbers := object.get(_strategy, "rollingUpdate", {})

_is_recreated if _strategy.type == "Recreate"

_is_decided if _numbers.maxSurge != null

_is_decided if _numbers.maxUnavailable != null

_replicas := _few(input.request.object.spec.replicas)

_replicas := 1 if not _has_replicas

_has_replicas if _few(input.request.object.spec.replicas) >= 0

# What the API server takes: 32 bits.
_few(value) := number if {
	number := numbers.natural(value)
	number < 2147483648
}

# A pod that is started before another is stopped, where none may be missing.
_needs_spare if {
	_applies
	not _is_recreated
	_replicas > 0
	_surge > 0
	_unavailable == 0
}

_surge := ceil(_pods("maxSurge"))

_unavailable := floor(_pods("maxUnavailable"))

_pods(field) := _share(_written(field))

_written(field) := value if {
	value := _numbers[field]
	value != null
} else := _default

_share(written) := _few(written)

# No more than ten thousand percent, and no more than a float holds.
_share(written) := (_replicas * to_number(trim_suffix(written, "%"))) / 100 if {
	is_string(written)
	regex.match(`^(0|[1-9][0-9]{0,4})%$`, written)
}

_old := "the only one" if {
	_replicas == 1
} else := sprintf("one of %d", [_replicas])

_remedy := "Set strategy.rollingUpdate to maxSurge: 0 and maxUnavailable: 1; one pod less answers meanwhile." if {
	_replicas > 1
} else := "Set strategy.type to Recreate; nothing answers while the new pod loads."

_where := [{"msg": sprintf("GPUs of one pod: %d", [server.gpu.count]), "path": server.gpu.countPath} |
	some server in serving.servers(input)
	server.kind == "Deployment"
	server.gpu.count > 0
]
