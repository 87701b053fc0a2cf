# METADATA
# title: Names
# description: Which of several names somebody may have meant.
package ployd.lib.names

# Up to three names that begin like the wanted one, in order.
like(wanted, names) := array.slice(
	sort([name |
		some name in names
		startswith(name, substring(wanted, 0, ceil(count(wanted) / 2)))
	]),
	0, 3,
)

# The same as a sentence; empty where nothing is like it.
suggestion(wanted, names) := sprintf(" Did you mean %s?", [concat(" or ", like(wanted, names))]) if {
	count(like(wanted, names)) > 0
} else := ""
