package ployd.lib.values_test

import data.ployd.lib.values

test_keeps_lists if {
	values.list([1, 2]) == [1, 2]
}

test_empties_every_other_type if {
	every value in ["a", 1, null, true, {"a": 1}] {
		values.list(value) == []
	}
}

test_shows_any_value if {
	values.shown("2") == "\"2\""
	values.shown(1.5) == "1.5"
	values.shown(1e300) == "a number beyond 2^53"
	values.shown(false) == "false"
	values.shown(null) == "not set"
	values.shown([1]) == "a list"
	values.shown({}) == "a mapping"
}
