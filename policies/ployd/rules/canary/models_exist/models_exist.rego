# METADATA
# title: A canary compares two models that exist
# description: >-
#   A canary moves traffic from its stable model to its canary model. Where one of them is missing the controller waits
#   for ever with the other one's GPUs held; where both are the same, it compares a model with itself and always passes.
# related_resources:
# - ref: https://github.com/fluxcd/flagger/issues/1577
#   description: Where the stable version is not there, a rebuilt cluster gives everything to the canary
# custom:
#   severity: error
#   scope: inventory
#   level: basic
#   kinds: [CanaryDeployment]
#   remedy: Name two different ModelDeployments of the same environment and namespace.
#   prevents: A canary that waits for a model nobody deploys, or passes because it compares a model with itself
package ployd.rules.canary.models_exist

import data.ployd.lib.kinds
import data.ployd.lib.names

deny contains row if {
	some place in _models
	not _exists(place)
	known := _known(place)
	row := {
		"msg": sprintf("no ModelDeployment %s in %s", [place.shown, _environment_shown]),
		"path": place.path,
		"remedy": sprintf("Correct the name or add the model to this environment.%s", [names.suggestion(place.name, known)]),
		"related": [{"msg": sprintf("%s is here", [name]), "path": ["metadata", "name"], "object": entry.id} |
			some name in names.like(place.name, known)
			some entry in input.ployd.inventory.objects[_environment].ModelDeployment[place.namespace][name]
		],
	}
}

deny contains row if {
	_applies
	_model("stable") == _model("canary")
	row := {
		"msg": sprintf("the canary is its own stable model: %s", [_model("stable")]),
		"path": ["spec", "canary", "model"],
		"remedy": "Name the new model under canary and the one that serves now under stable.",
		"related": [{"msg": "the stable model", "path": ["spec", "stable", "model"]}],
	}
}

deny contains row if {
	_applies
	some side in ["stable", "canary"]
	not _model(side)
	row := {
		"msg": sprintf("%s.model names no ModelDeployment", [side]),
		"path": ["spec", side, "model"],
		"remedy": "Write the name of a ModelDeployment.",
	}
}

_models contains place if {
	_applies
	some side in ["stable", "canary"]
	name := _model(side)
	place := {
		"name": name,
		"namespace": input.request.namespace,
		"shown": _shown(name, input.request.namespace),
		"path": ["spec", side, "model"],
	}
}

_applies if {
	kinds.is_ployd(input.request, "CanaryDeployment")
	input.ployd.inventory.objects
}

_model(side) := name if {
	name := input.request.object.spec[side].model
	is_string(name)
	name != ""
}

_shown(name, "") := name

_shown(name, namespace) := sprintf("%s/%s", [namespace, name]) if namespace != ""

_environment := input.ployd.self.environment

_environment_shown := _environment if {
	_environment != ""
} else := "what was read"

# What belongs to no environment, or says no namespace or cluster, may be meant for this one.
_exists(place) if {
	some environment in {_environment, ""}
	some namespace in {place.namespace, ""}
	some entry in input.ployd.inventory.objects[environment].ModelDeployment[namespace][place.name]
	_reachable(entry)
}

_exists(place) if {
	place.namespace == ""
	some environment in {_environment, ""}
	some names_here in input.ployd.inventory.objects[environment].ModelDeployment
	some entry in names_here[place.name]
	_reachable(entry)
}

_reachable(entry) if entry.cluster in {input.ployd.self.cluster, ""}

_reachable(_) if input.ployd.self.cluster == ""

_known(place) := found if {
	found := object.keys(input.ployd.inventory.objects[_environment].ModelDeployment[place.namespace])
} else := set()
