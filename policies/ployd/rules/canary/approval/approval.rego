# METADATA
# title: A person approves the canary's promotion, and failed checks need none to go back
# description: >-
#   Metrics show that a model answers in time, not that its answers are good; the last look before every user gets them is a
#   person's. Without approvers whoever can write to the cluster is that person. An approval set beyond the last weight is
#   never asked for. Where rollback waits for a person, users stay on a failing model until somebody wakes up.
# related_resources:
# - ref: https://github.com/fluxcd/flagger/issues/1801
#   description: A canary that waited for its gate was not rolled back while it failed
# - ref: https://argoproj.github.io/argo-rollouts/features/bluegreen/#autopromotionenabled
#   description: The same choice in Argo Rollouts, where promotion needs nobody unless it is turned off
# custom:
#   severity: error
#   scope: object
#   level: full
#   kinds: [CanaryDeployment]
#   remedy: Set approval.required to true, name the groups under approval.approvers, and leave rollback.automatic on.
#   prevents: 'A model with good latency and bad answers at 100 percent, which nobody approved'
package ployd.rules.canary.approval

import data.ployd.lib.canary
import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.parameters
import data.ployd.lib.values

deny contains row if {
	_demanded
	not _approval.required == true
	row := {
		"msg": sprintf("approval.required is %s: the canary is promoted without a person", [_shown(_approval, "required")]),
		"path": ["spec", "approval", "required"],
		"remedy": "Set approval.required to true and name the groups that decide under approval.approvers.",
	}
}

deny contains row if {
	_demanded
	_approval.required == true
	count(values.list(object.get(_approval, "approvers", []))) == 0
	row := {
		"msg": "approval.approvers names no group, so whoever may write to the cluster approves the promotion",
		"path": ["spec", "approval", "approvers"],
		"remedy": "Name at least one group under approval.approvers.",
		"related": [{"msg": "the approval", "path": ["spec", "approval", "required"]}],
	}
}

deny contains row if {
	_applies
	_gate > _highest
	row := {
		"msg": sprintf("approval.beforeWeight %d is above every weight on the way (up to %d), so it is never asked for", [_gate, _highest]),
		"path": ["spec", "approval", "beforeWeight"],
		"remedy": sprintf("Set beforeWeight to %d or less, or leave it out and set approval.required for the promotion.", [_highest]),
		"related": [{"msg": "the last weight", "path": _end_path}],
	}
}

deny contains row if {
	_applies
	not _parameters.automaticRollback == false
	_rollback.automatic == false
	row := {
		"msg": "rollback.automatic is false: when checks fail, users stay on the canary until a person comes",
		"path": ["spec", "rollback", "automatic"],
		"remedy": "Set rollback.automatic to true, or leave it out.",
	}
}

_parameters := parameters.of(input, "canary.approval")

_applies if kinds.is_ployd(input.request, "CanaryDeployment")

# Nothing said about it is the strict answer.
_demanded if {
	_applies
	not _parameters.required == false
}

_approval := canary.section(input.request, "approval")

_rollback := canary.section(input.request, "rollback")

_traffic := canary.section(input.request, "traffic")

_shown(section, name) := values.shown(object.get(section, name, null))

_gate := numbers.natural(_approval.beforeWeight)

# Explicit steps take the place of maxWeight here: what they do not reach is not reached.
_highest := max(_step_weights) if {
	count(_step_weights) > 0
} else := numbers.natural(_traffic.maxWeight)

_step_weights := [weight |
	some step in values.list(_traffic.steps)
	weight := numbers.natural(step.weight)
]

_end_path := ["spec", "traffic", "steps", count(_traffic.steps) - 1] if {
	count(_step_weights) > 0
} else := ["spec", "traffic", "maxWeight"]
