# METADATA
# title: Versions
# description: Versions of servers (0.19.1, v0.11.0rc1, 0.8.5.post1) as lists of numbers that compare in their order.
# related_resources:
# - ref: https://packaging.python.org/en/latest/specifications/version-specifiers/
#   description: How versions of Python packages are written
package ployd.lib.version

# [major, minor, patch], without what follows: a candidate has what its release has. Undefined for what is no version.
parse(text) := [_number(place) | some place in _places(text)] if {
	is_string(text)
	regex.match(`^v?[0-9]{1,9}\.[0-9]{1,9}([^0-9]|$)`, trim_space(text))
}

# Whether a version is a bound of the data ("0", "0.11", "0.19.1") or newer. Undefined where the version is not known:
# negated, that is true, so ask below() for what is older.
at_least(text, bound) if parse(text) >= _bound(bound)

below(text, bound) if parse(text) < _bound(bound)

# A patch that is not written is 0. Leading zeros are taken off: JSON has no such numbers.
_places(text) := array.concat(array.slice(found, 0, 2), [_patch(found)]) if {
	found := regex.find_n(`[0-9]+`, regex.find_n(`^v?[0-9]+\.[0-9]+(\.[0-9]{1,9})?`, trim_space(text), 1)[0], 3)
}

_patch(found) := found[2] if {
	count(found) > 2
} else := "0"

_number(digits) := to_number(regex.replace(digits, `^0+([0-9])`, "${1}"))

# Missing places of a bound count as 0.
_bound(text) := array.slice(array.concat([_number(place) | some place in split(text, ".")], [0, 0]), 0, 3) if {
	is_string(text)
	regex.match(`^[0-9]{1,9}(\.[0-9]{1,9}){0,2}$`, text)
}
