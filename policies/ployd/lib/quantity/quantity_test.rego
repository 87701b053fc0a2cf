package ployd.lib.quantity_test

import data.ployd.lib.quantity

test_reads_what_kubernetes_reads if {
	expected := {
		"2": 2,
		"0": 0,
		"+2": 2,
		"-1": -1,
		"0.5": 0.5,
		".5": 0.5,
		"-.5": -0.5,
		"2.": 2,
		"500m": 0.5,
		"2000m": 2,
		"16Gi": 17179869184,
		"1Ki": 1024,
		"1k": 1000,
		"1.5G": 1500000000,
		"1e3": 1000,
		"1E2": 100,
		"1.5e1": 15,
		"1E": 1000000000000000000,
		"4Ei": 4611686018427387904,
	}
	every text, amount in expected {
		quantity.amount(text) == amount
	}
}

test_reads_numbers_as_they_are if {
	quantity.amount(2) == 2
	quantity.amount(0.5) == 0.5
}

_read contains value if {
	some value in [
		"", " ", "abc", "1 Gi", "1gi", "Gi", "1KI", "--1", "1e", "1e999999999", "0x10", "1,5", ".", "+", "m", "１",
		null, true, [], {}, ["1"],
	]
	_ := quantity.amount(value)
}

test_is_undefined_for_everything_else if {
	_read == set()
}
