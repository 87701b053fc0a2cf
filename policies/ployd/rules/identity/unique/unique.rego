# METADATA
# title: An identity is defined once in an environment
# description: >-
#   Two files that define one object overwrite each other: whichever is applied last wins, and with self-healing on they
#   take turns. Which one serves is decided by the order of files. Where no environment is known the two may be meant for
#   different ones, so it is a warning there.
# related_resources:
# - ref: https://github.com/argoproj/argo-cd/issues/18565
#   description: An object of two applications changes with each sync
# - ref: https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/
#   description: FailOnSharedResource refuses it at the time of the sync
# custom:
#   severity: error
#   scope: inventory
#   level: basic
#   kinds: []
#   remedy: Remove one of the two definitions, or give one another name or namespace.
#   prevents: SharedResourceWarning, and an object that changes with each sync
package ployd.rules.identity.unique

deny contains _row if {
	_first
	input.ployd.self.environment != ""
}

warn contains _row if {
	_first
	input.ployd.self.environment == ""
}

_row := {
	"msg": sprintf("%s %s is already defined", [input.request.kind.kind, _shown]),
	"path": ["metadata", "name"],
	"remedy": "Remove one of the two definitions, or give one another name or namespace.",
	"related": [{"msg": "defined here first", "path": ["metadata", "name"], "object": _first}],
}

# The id of the earliest other definition; undefined where this is the earliest.
_first := min([entry.id |
	_has_a_name
	some entry in _definitions
	entry.id < input.ployd.self.id
	entry.cluster == input.ployd.self.cluster
	_group(entry.apiVersion) == input.request.kind.group
])

# The API server gives each object of a generateName a name of its own.
_has_a_name if {
	is_string(input.request.object.metadata.name)
	input.request.name != ""
}

_definitions := found if {
	place := input.ployd.inventory.objects[input.ployd.self.environment]
	found := place[input.request.kind.kind][input.request.namespace][input.request.name]
}

_group(api_version) := split(api_version, "/")[0] if contains(api_version, "/")

_group(api_version) := "" if not contains(api_version, "/")

_shown := sprintf("%s/%s", [input.request.namespace, input.request.name]) if {
	input.request.namespace != ""
} else := input.request.name
