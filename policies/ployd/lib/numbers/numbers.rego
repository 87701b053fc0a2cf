# METADATA
# title: Numbers
# description: Whole numbers, read without ever failing on a value of another type.
package ployd.lib.numbers

# Undefined for everything that is not a whole number. 2.0 is 2, as it is for the API server. Beyond 2^53 engines differ
# in what is whole, and nothing here counts that far.
whole(value) := number if {
	is_number(value)
	value <= 9007199254740992
	value >= -9007199254740992
	number := floor(value)
	number == value
}

# Undefined for everything but a whole number of at least 1.
positive(value) := number if {
	number := whole(value)
	number >= 1
}

# Undefined for everything but a whole number of at least 0.
natural(value) := number if {
	number := whole(value)
	number >= 0
}
