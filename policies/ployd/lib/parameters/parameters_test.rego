package ployd.lib.parameters_test

import data.ployd.lib.parameters

test_finds_the_parameters_of_a_rule if {
	parameters.of({"ployd": {"parameters": {"a.b": {"x": 1}}}}, "a.b") == {"x": 1}
}

test_gives_none_where_there_are_none if {
	every document in [{}, {"ployd": null}, {"ployd": {"parameters": {}}}, {"ployd": {"parameters": {"a.b": [1]}}}] {
		parameters.of(document, "a.b") == {}
	}
}

test_says_which_parameter_cannot_be_used if {
	parameters.unusable("a.b", "x", null, "a number") == {
		"msg": "parameter x of rule a.b is not set; it must be a number, or nothing can be allowed",
		"path": [],
		"remedy": "Set x of a.b in the environments data.",
	}
}
