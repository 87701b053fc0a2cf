package ployd.lib.duration_test

import data.ployd.lib.duration

test_reads_every_form if {
	expected := {"30s": 30, "0s": 0, "5m": 300, "1h30m": 5400, "1.5h": 5400, "500ms": 0.5, "1m0.5s": 60.5, "2h3m4s5ms": 7384.005}
	every text, seconds in expected {
		duration.seconds(text) == seconds
	}
}

_read contains value if {
	some value in ["", "30", "s", "-1s", "1 s", "1d", "1s ", "30S", "1s1s1s1s1s", "9999999999s", ".5s", 30, null, true, [], {}]
	_ := duration.seconds(value)
}

test_is_undefined_for_everything_else if {
	_read == set()
}

test_shows_seconds_as_people_write_them if {
	expected := {"0s": 0, "0.5s": 0.5, "59s": 59, "1m": 60, "1m30s": 90, "1h": 3600, "1h1m1s": 3661, "26h": 93600, "1m1s": 60.5, "more than 2^53 seconds": 1e300}
	every text, seconds in expected {
		duration.shown(seconds) == text
	}
}
