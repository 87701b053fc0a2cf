# METADATA
# title: Objects carry the labels their environment demands
# description: >-
#   Dashboards, cost reports and alerts select by label. An object without them is paid for by nobody and wakes nobody, and
#   which is noticed only during the incident. Which labels are demanded is data of the environment.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
#   description: The recommended labels
# custom:
#   severity: error
#   scope: object
#   level: full
#   kinds: [ModelDeployment, GatewayRoute, CanaryDeployment]
#   remedy: Add the label under metadata.labels.
#   prevents: An incident of an object that no dashboard shows and no alert routes
package ployd.rules.labels.required

import data.ployd.lib.kinds
import data.ployd.lib.parameters
import data.ployd.lib.values

deny contains row if {
	_kind
	some label in _demanded
	not _is_written(label)
	row := {
		"msg": sprintf("label %s is %s", [label, _shown(label)]),
		"path": ["metadata", "labels", label],
		"remedy": sprintf("Add %s to metadata.labels of this %s.", [label, _kind]),
	}
}

deny contains row if {
	_kind
	value := object.get(_parameters, "labels", null)
	not _is_list_of_texts(value)
	row := parameters.unusable("labels.required", "labels", value, "a list of labels")
}

deny contains row if {
	_kind
	value := object.get(_parameters, "kinds", {})
	not _is_mapping_of_lists(value)
	row := parameters.unusable("labels.required", "kinds", value, "a mapping of kinds to lists of labels")
}

_kind := kind if {
	some kind in ["ModelDeployment", "GatewayRoute", "CanaryDeployment"]
	kinds.is_ployd(input.request, kind)
}

_parameters := parameters.of(input, "labels.required")

_demanded contains label if {
	some label in values.list(_parameters.labels)
	is_string(label)
}

_demanded contains label if {
	some label in values.list(_parameters.kinds[_kind])
	is_string(label)
}

_is_list_of_texts(value) if {
	is_array(value)
	every label in value {
		is_string(label)
	}
}

_is_mapping_of_lists(value) if {
	is_object(value)
	every labels in value {
		_is_list_of_texts(labels)
	}
}

_labels := input.request.object.metadata.labels if {
	is_object(input.request.object.metadata.labels)
} else := {}

_is_written(label) if {
	is_string(_labels[label])
	trim_space(_labels[label]) != ""
}

_shown(label) := "missing" if {
	object.get(_labels, label, null) == null
} else := "empty" if {
	is_string(_labels[label])
} else := sprintf("%s, not text", [values.shown(_labels[label])])
