# METADATA
# title: Values
# description: Values of unknown type, made safe to look into and to show.
package ployd.lib.values

# The list itself, or an empty one in place of any other type. Undefined stays undefined.
list(value) := value if {
	is_array(value)
} else := []

# A value as a message shows it: text in quotes, collections by their sort, null as not set.
shown(value) := sprintf("%q", [value]) if is_string(value)

shown(value) := sprintf("%v", [value]) if {
	is_number(value)
	abs(value) <= 9007199254740992
}

# Engines write it differently.
shown(value) := "a number beyond 2^53" if {
	is_number(value)
	abs(value) > 9007199254740992
}

shown(value) := sprintf("%v", [value]) if is_boolean(value)

shown(value) := "not set" if is_null(value)

shown(value) := "a list" if is_array(value)

shown(value) := "a mapping" if is_object(value)
