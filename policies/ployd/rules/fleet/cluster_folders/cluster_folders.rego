# METADATA
# title: Models are applied to enough clusters
# description: >-
#   A region that is down, or a control plane that is upgraded, takes every replica in its cluster along. A model that names no
#   clusters runs where its file is applied, which its folder says. How many folders of clusters it must be in is the operator's
#   to say; a model that names its clusters under placement is left to fleet.clusters.
# related_resources:
# - ref: https://kubernetes.io/docs/setup/best-practices/multiple-zones/
#   description: A cluster spans zones, typically those of a single region
# - ref: https://fluxcd.io/flux/guides/repository-structure/
#   description: Each cluster's state is defined in a folder of its own
# custom:
#   severity: error
#   scope: inventory
#   level: full
#   kinds: [ModelDeployment]
#   remedy: Add the model to the folders of more clusters, or name them under placement.clusters.
#   prevents: 'Every replica of a model gone with one cluster: no healthy upstream'
package ployd.rules.fleet.cluster_folders

import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.parameters
import data.ployd.lib.values

deny contains row if {
	_names_none
	not _is_everywhere
	count(_folders) > 0
	count(_folders) < _least
	missing := _least - count(_folders)
	row := {
		"msg": sprintf("the model is applied to %s only; models run in at least %d clusters here", [concat(", ", _folders), _least]),
		"path": ["spec", "placement", "clusters"],
		"remedy": sprintf("Add it to %d more%s, or name %d under placement.clusters.", [missing, _suggestion(missing), _least]),
		"related": [{"msg": sprintf("in %s", [entry.cluster]), "path": ["metadata", "name"], "object": entry.id} |
			some entry in _entries
			entry.id != input.ployd.self.id
		],
	}
}

deny contains row if {
	_applies
	value := object.get(_parameters, "least", null)
	value != null
	not numbers.natural(value)
	row := parameters.unusable("fleet.cluster_folders", "least", value, "a whole number")
}

# What is applied to a whole environment may reach any number of clusters.
warn contains row if {
	_names_none
	count(_folders) == 0
	_least > 1
	row := {
		"msg": sprintf("nothing says in which clusters the model runs; models run in at least %d clusters here", [_least]),
		"path": ["spec", "placement", "clusters"],
		"remedy": sprintf("Add it to the folders of %d clusters, or name them under placement.clusters.", [_least]),
	}
}

_parameters := parameters.of(input, "fleet.cluster_folders")

_least := numbers.natural(_parameters.least)

_applies if {
	kinds.is_ployd(input.request, "ModelDeployment")
	input.ployd.inventory.objects
}

# An empty list is one that names clusters: fleet.clusters says what is wrong with it.
_names_none if {
	_applies
	not _names_some
}

_names_some if is_array(input.request.object.spec.placement.clusters)

# Every definition of the model in the environment.
_entries := values.list(models[input.request.namespace][input.request.name]) if {
	models := input.ployd.inventory.objects[input.ployd.self.environment].ModelDeployment
}

_is_everywhere if {
	some entry in _entries
	entry.cluster == ""
}

# Clusters in whose folders it is.
_folders contains entry.cluster if {
	some entry in _entries
	entry.cluster != ""
}

# Other clusters that the environment has folders of, as many as are missing.
_suggestion(missing) := sprintf(", such as %s", [concat(" and ", array.slice(others, 0, missing))]) if {
	others := sort(_known - _folders)
	count(others) > 0
} else := ""

_known contains entry.cluster if {
	some names in input.ployd.inventory.objects[input.ployd.self.environment]
	some names_here in names
	some entries in names_here
	some entry in entries
	entry.cluster != ""
}
