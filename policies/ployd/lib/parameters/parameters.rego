# METADATA
# title: Parameters
# description: What a rule says where a number or list it needs is missing from the environment's data.
package ployd.lib.parameters

import data.ployd.lib.values

# A rule that cannot compare must not allow: this row takes the place of the comparison.
unusable(rule, name, value, wanted) := {
	"msg": sprintf("parameter %s of rule %s is %s; it must be %s, or nothing can be allowed", [name, rule, values.shown(value), wanted]),
	"path": [],
	"remedy": sprintf("Set %s of %s in the environments data.", [name, rule]),
}

# The parameters of one rule; empty where the environment has none for it.
of(document, rule) := found if {
	found := document.ployd.parameters[rule]
	is_object(found)
} else := {}
