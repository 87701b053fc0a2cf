package ployd.lib.version_test

import data.ployd.lib.version

test_reads_every_form if {
	expected := {
		"0.19.1": [0, 19, 1],
		"v0.11.0rc1": [0, 11, 0],
		"0.8.5.post1": [0, 8, 5],
		"0.11": [0, 11, 0],
		"0.11rc2": [0, 11, 0],
		"v0.20.0-cu129": [0, 20, 0],
		"0.19.1+cu128": [0, 19, 1],
		"26.01-py3": [26, 1, 0],
		" 0.6.4 ": [0, 6, 4],
		"0.6.08": [0, 6, 8],
		"1.2.3.4": [1, 2, 3],
	}
	every text, places in expected {
		version.parse(text) == places
	}
}

_read contains value if {
	some value in [
		"", "latest", "v", "1", "v1", "nightly-0.19.1", ".19.1", "0..1", "0.x", "-0.1", "0,19", "cu129",
		"0.1234567890", "1234567890.1", null, 0.19, true, [], {}, ["0.19"],
	]
	_ := version.parse(value)
}

test_is_undefined_for_everything_else if {
	_read == set()
}

test_compares_places_as_numbers if {
	version.at_least("0.19.1", "0.19.1")
	version.at_least("0.19.1", "0.19")
	version.at_least("0.19.1", "0.9")
	version.at_least("v0.11.0rc1", "0.11")
	version.at_least("0.8.5.post1", "0")
	not version.at_least("0.9.2", "0.11")
	not version.at_least("0.19.0", "0.19.1")
	version.below("0.9.2", "0.11")
	version.below("0.10.2", "0.11.0")
	not version.below("0.11", "0.11.0")
	not version.below("1.0", "0.33.0")
}

test_says_neither_of_what_cannot_be_compared if {
	every text in ["", "latest", null, 3, [], {}] {
		not version.at_least(text, "0")
		not version.below(text, "99")
	}
	every bound in ["", "v0.11", "0.11rc1", "1.2.3.4", ".", null, 0.11, [], {}] {
		not version.at_least("0.19.1", bound)
		not version.below("0.19.1", bound)
	}
}
