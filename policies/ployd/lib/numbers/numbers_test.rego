package ployd.lib.numbers_test

import data.ployd.lib.numbers

_strangers := ["1", "", null, true, [], {}, [1], 1.5, -0.5, 12345678901234567890, -1e300]

test_takes_whole_numbers_of_each_range if {
	{value | some candidate in [-1, 0, 2.0, 9007199254740992]; value := numbers.whole(candidate)} == {-1, 0, 2, 9007199254740992}
	{value | some candidate in [-1, 0, 1, 7]; value := numbers.natural(candidate)} == {0, 1, 7}
	{value | some candidate in [-1, 0, 1, 7]; value := numbers.positive(candidate)} == {1, 7}
}

test_is_undefined_for_everything_else if {
	{value | some candidate in _strangers; value := numbers.whole(candidate)} == set()
	{value | some candidate in _strangers; value := numbers.natural(candidate)} == set()
	{value | some candidate in _strangers; value := numbers.positive(candidate)} == set()
}
