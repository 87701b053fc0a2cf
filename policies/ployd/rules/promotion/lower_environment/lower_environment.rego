# METADATA
# title: A model reaches the highest environment through a lower one
# description: >-
#   A model that is deployed to production first meets its memory limits, its traffic and its alerts there first. It has to
#   be, by name and in whatever namespace, in a lower environment as well. Where nothing of any lower environment was read,
#   it cannot be told and the rule is silent: add the other repository as inventory.
# related_resources:
# - ref: https://docs.kargo.io/user-guide/core-concepts/
#   description: The same rule in Kargo, where freight is promoted from stage to stage
# custom:
#   severity: error
#   scope: inventory
#   level: comprehensive
#   kinds: [ModelDeployment]
#   remedy: Deploy the model to a lower environment first, under the same name.
#   prevents: The first start of a model on the GPUs that serve users
package ployd.rules.promotion.lower_environment

import data.ployd.lib.kinds

deny contains row if {
	kinds.is_ployd(input.request, "ModelDeployment")
	input.request.name != ""
	input.ployd.self.environment == _order[count(_order) - 1]
	count(_lower_read) > 0
	not _promoted
	row := {
		"msg": sprintf("%s is in %s, but in no lower environment", [input.request.name, input.ployd.self.environment]),
		"path": ["metadata", "name"],
		"remedy": sprintf("Deploy it to %s first, under the same name.", [concat(" or ", _lower_read)]),
	}
}

_order := input.ployd.inventory.order

# Lower environments of which anything was read.
_lower_read := [environment |
	some environment in array.slice(_order, 0, count(_order) - 1)
	count(input.ployd.inventory.objects[environment]) > 0
]

_promoted if {
	some environment in _lower_read
	some names in input.ployd.inventory.objects[environment].ModelDeployment
	names[input.request.name]
}
