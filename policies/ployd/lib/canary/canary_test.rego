package ployd.lib.canary_test

import data.ployd.lib.canary

_request(spec) := {"object": {"spec": spec}}

_odd := [null, "x", 3, true, []]

test_gives_a_section_that_is_a_mapping if {
	canary.section(_request({"traffic": {"interval": "5m"}}), "traffic") == {"interval": "5m"}
}

test_gives_an_empty_section_in_place_of_anything_else if {
	every value in _odd {
		canary.section(_request({"traffic": value}), "traffic") == {}
		canary.section({"object": {"spec": value}}, "traffic") == {}
		canary.section({"object": value}, "traffic") == {}
	}
	canary.section({}, "traffic") == {}
}

test_keeps_the_places_of_steps_and_metrics if {
	written := [{"weight": 5}, null, "x", {"weight": 50}]
	canary.steps(_request({"traffic": {"steps": written}})) == [{"weight": 5}, {}, {}, {"weight": 50}]
	canary.metrics(_request({"analysis": {"metrics": written}})) == [{"weight": 5}, {}, {}, {"weight": 50}]
}

test_has_no_steps_and_metrics_where_none_are_listed if {
	every value in [null, "x", 3, true, {"weight": 5}] {
		canary.steps(_request({"traffic": {"steps": value}})) == []
		canary.metrics(_request({"analysis": {"metrics": value}})) == []
	}
	canary.steps({}) == []
	canary.metrics({}) == []
}

test_takes_the_interval_of_a_step_before_that_of_all if {
	request := _request({"traffic": {"interval": "5m"}})
	canary.interval(request, {"interval": "1h"}) == "1h"
	canary.interval(request, {"interval": null}) == "5m"
	canary.interval(request, {}) == "5m"
	canary.interval(request, {"interval": 3}) == 3
	canary.interval(_request({}), {}) == null
}

test_takes_the_unit_that_is_written if {
	every value in ["ratio", "seconds", 3, []] {
		canary.unit({"name": "success_rate", "unit": value}) == value
		canary.unit({"name": "own", "unit": value, "relativeToStable": true}) == value
	}
}

test_takes_the_unit_of_the_schema_where_none_is_written if {
	every metric, unit in {
		{"name": "success_rate"}: "percent",
		{"name": "error_rate", "unit": null}: "percent",
		{"name": "latency_p95"}: "milliseconds",
		{"name": "queue_time_p95", "relativeToStable": false}: "milliseconds",
		{"name": "latency_p95", "relativeToStable": true}: "percent",
		{"name": "own", "relativeToStable": true}: "percent",
		{"name": "own"}: "",
		{"name": []}: "",
		{}: "",
	} {
		canary.unit(metric) == unit
	}
}

test_shows_a_time_up_to_years if {
	canary.span(90) == "1m30s"
	canary.span(0.5) == "0.5s"
	canary.span(1000000000000000000000) == canary.span(1000000000)
}
