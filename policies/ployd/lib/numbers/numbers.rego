# METADATA
# title: Numbers
# description: Whole numbers, read without ever failing on a value of another type.
package ployd.lib.numbers

# Undefined for everything that is not a whole number. 2.0 is 2, as it is for the API server. Beyond 2^53 engines differ
# in what is whole, and nothing here counts that far.
whole(value) := floor(value) if {
	is_number(value)
	abs(value) <= 9007199254740992
	floor(value) == value
}

# Undefined for everything but a whole number of at least 1.
positive(value) := whole(value) if whole(value) >= 1

# Undefined for everything but a whole number of at least 0.
natural(value) := whole(value) if whole(value) >= 0
