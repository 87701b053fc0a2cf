# METADATA
# title: Models run in enough clusters, and their replicas on more than one node
# description: >-
#   A region that is down, or a control plane that is upgraded, takes every replica in its cluster along. How many clusters a
#   model needs is the operator's to say. Within a cluster the scheduler may put all replicas on one node, where a drain or a
#   GPU that falls off the bus stops them together; placement.spreadAcross keeps them apart.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
#   description: Two pods on the same node run the risk that a single node failure takes the workload offline
# - ref: https://github.com/rewayaat/rewayaat/pull/79
#   description: Two replicas with a disruption budget, both on one node
# - ref: https://github.com/defilantech/LLMKube/issues/793
#   description: Model servers stacked on one GPU node while others are idle
# custom:
#   severity: error
#   scope: object
#   level: full
#   kinds: [ModelDeployment]
#   remedy: Name enough clusters under placement.clusters and set placement.spreadAcross to nodes or zones.
#   prevents: 'Every replica of a model gone with one node or one cluster: no healthy upstream'
package ployd.rules.fleet.clusters

import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.parameters
import data.ployd.lib.values

deny contains row if {
	some name in _named
	count([other | some other in _named; other == name]) > 1
	row := {
		"msg": sprintf("placement.clusters names %s twice", [values.shown(name)]),
		"path": ["spec", "placement", "clusters"],
		"remedy": "Name each cluster once.",
	}
}

deny contains row if {
	_applies
	is_array(_placement.clusters)
	count(_placement.clusters) == 0
	row := {
		"msg": "placement.clusters is empty: the model runs nowhere",
		"path": ["spec", "placement", "clusters"],
		"remedy": "Name the clusters, or leave placement.clusters out for the one it is applied to.",
	}
}

deny contains row if {
	clusters := {name | some name in _named}
	count(clusters) > 0
	count(clusters) < _least
	row := {
		"msg": sprintf("placement.clusters names %s; models run in at least %d clusters here", [concat(", ", clusters), _least]),
		"path": ["spec", "placement", "clusters"],
		"remedy": sprintf("Name %d more.", [_least - count(clusters)]),
	}
}

deny contains row if {
	_applies
	value := object.get(_parameters, "least", null)
	value != null
	not numbers.natural(value)
	row := parameters.unusable("fleet.clusters", "least", value, "a whole number")
}

warn contains row if {
	_applies
	not _parameters.spread == false
	object.get(_placement, "spreadAcross", null) == null
	_replicas > 1
	row := {
		"msg": sprintf("placement.spreadAcross is not set: all %d replicas may land on one node", [_replicas]),
		"path": ["spec", "placement", "spreadAcross"],
		"remedy": "Set placement.spreadAcross to nodes, or to zones where there are several.",
		"related": [{"msg": "replicas that always run", "path": ["spec", "scaling", "minReplicas"]}],
	}
}

_parameters := parameters.of(input, "fleet.clusters")

_least := numbers.natural(_parameters.least)

_applies if kinds.is_ployd(input.request, "ModelDeployment")

_placement := placement if {
	_applies
	placement := input.request.object.spec.placement
	is_object(placement)
} else := {}

_named := [name |
	some name in values.list(object.get(_placement, "clusters", []))
	is_string(name)
]

_replicas := numbers.natural(input.request.object.spec.scaling.minReplicas)
