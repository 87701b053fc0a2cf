# METADATA
# title: The timeouts of a route leave an answer its time
# description: >-
#   The timeout of a route runs until the last byte, so it cuts a stream that is doing well: the client has a status 200 and
#   half an answer. A try that may not end before the whole request does, and a stream timeout above it, never act. And the
#   Gateway API takes fewer ways to write a time than Go does.
# related_resources:
# - ref: https://github.com/nicolerenee/infra/pull/2078
#   description: An implicit timeout of 60 seconds cut three streams of three at 61 seconds, with a status 200
# - ref: https://github.com/defilantech/LLMKube/issues/734
#   description: Routes without a timeout are cut at 60 seconds, in the middle of the stream
# - ref: https://github.com/defilantech/LLMKube/issues/817
#   description: A timeout for each try of 60 seconds capped every request, whatever the route's own was
# - ref: https://gateway-api.sigs.k8s.io/geps/gep-2257/
#   description: "Durations of the Gateway API: one to four whole numbers of at most five digits"
# - ref: https://gateway-api.sigs.k8s.io/geps/gep-1742/
#   description: What the timeouts of a route cover
# custom:
#   severity: error
#   scope: object
#   level: basic
#   kinds: [GatewayRoute]
#   remedy: Set timeout above the longest answer, perTryTimeout times all tries below it, and use streamIdleTimeout against streams that hang.
#   prevents: "read SSE stream: unexpected EOF"
package ployd.rules.route.timeouts

import data.ployd.lib.duration
import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.parameters
import data.ployd.lib.values

deny contains row if {
	some field in ["timeout", "perTryTimeout", "streamIdleTimeout"]
	value := object.get(_routing, field, null)
	value != null
	not _writable(value)
	row := {
		"msg": sprintf("%s is %s; %s", [
			field, values.shown(value),
			"the Gateway API takes up to four whole numbers of up to five digits, each with h, m, s or ms",
		]),
		"path": ["spec", "routing", field],
		"remedy": sprintf("Write it as %s.", [_rewritten(value)]),
	}
}

deny contains row if {
	_limits.perTryTimeout > _limits.timeout
	row := {
		"msg": sprintf("perTryTimeout %s is longer than timeout %s, which ends all tries together", [
			_routing.perTryTimeout,
			_routing.timeout,
		]),
		"path": ["spec", "routing", "perTryTimeout"],
		"remedy": sprintf("Set perTryTimeout to %s or less, or timeout to %s or more.", [
			_text(_share),
			_text(_limits.perTryTimeout * _tries),
		]),
		"related": [{"msg": "the time of all tries", "path": ["spec", "routing", "timeout"]}],
	}
}

deny contains row if {
	_routing
	some name in ["longestAnswer", "tokensPerSecond"]
	value := object.get(_parameters, name, null)
	value != null
	not _above_zero(value)
	row := parameters.unusable("route.timeouts", name, value, "a number above 0")
}

deny contains row if {
	_routing
	value := object.get(_parameters, "gatewayTimeout", null)
	value != null
	not duration.seconds(value)
	row := parameters.unusable("route.timeouts", "gatewayTimeout", value, "a duration such as 60s")
}

warn contains row if {
	_generates
	_limits.timeout < _needed
	row := {
		"msg": sprintf("timeout %s ends the whole stream, but %s", [_routing.timeout, _answer]),
		"path": ["spec", "routing", "timeout"],
		"remedy": sprintf("Set timeout to %s or more; streamIdleTimeout is for streams that hang.", [_text(_needed)]),
	}
}

warn contains row if {
	_generates
	object.get(_routing, "timeout", null) == null
	duration.seconds(_parameters.gatewayTimeout) < _needed
	row := {
		"msg": sprintf("timeout is not set, so the gateway's own %s ends the whole stream, but %s", [
			_parameters.gatewayTimeout,
			_answer,
		]),
		"path": ["spec", "routing", "timeout"],
		"remedy": sprintf("Set timeout to %s or more.", [_text(_needed)]),
	}
}

# Once the first byte is there, a try has no timeout of its own; an answer that is not streamed comes whole at the end.
warn contains row if {
	_generates
	_limits.perTryTimeout < _needed
	not _is_longer
	row := {
		"msg": sprintf("perTryTimeout %s ends every answer that is not streamed, but %s", [_routing.perTryTimeout, _answer]),
		"path": ["spec", "routing", "perTryTimeout"],
		"remedy": sprintf("Set perTryTimeout to %s or more, or leave it out.", [_text(_needed)]),
	}
}

warn contains row if {
	not _is_longer
	_tries > 1
	total := _limits.perTryTimeout * _tries
	total > _limits.timeout
	row := {
		"msg": sprintf("%d tries of %s take %s, but timeout is %s: the last ones never get their time", [
			_tries,
			_routing.perTryTimeout,
			_text(total),
			_routing.timeout,
		]),
		"path": ["spec", "routing", "perTryTimeout"],
		"remedy": sprintf("Set timeout to %s or more, perTryTimeout to %s or less, or retries to %d.", [
			_text(total),
			_text(_share),
			floor(_limits.timeout / _limits.perTryTimeout) - 1,
		]),
		"related": [
			{"msg": "the time of all tries", "path": ["spec", "routing", "timeout"]},
			{"msg": "the tries after the first", "path": ["spec", "routing", "retries"]},
		],
	}
}

warn contains row if {
	_limits.streamIdleTimeout > _limits.timeout
	row := {
		"msg": sprintf("streamIdleTimeout %s never acts: timeout ends the request after %s", [
			_routing.streamIdleTimeout,
			_routing.timeout,
		]),
		"path": ["spec", "routing", "streamIdleTimeout"],
		"remedy": sprintf("Set streamIdleTimeout below %s, or timeout above %s.", [_routing.timeout, _routing.streamIdleTimeout]),
		"related": [{"msg": "the time of the whole request", "path": ["spec", "routing", "timeout"]}],
	}
}

_parameters := parameters.of(input, "route.timeouts")

# Undefined for other kinds and deletions; empty where nothing is written.
_routing := input.request.object.spec.routing if {
	kinds.is_ployd(input.request, "GatewayRoute")
	is_object(input.request.object.spec.routing)
} else := {} if {
	kinds.is_ployd(input.request, "GatewayRoute")
}

_writable(value) if {
	is_string(value)
	regex.match(`^([0-9]{1,5}(h|m|s|ms)){1,4}$`, value)
}

# Seconds by field, of those that limit anything: 0s means no timeout at all.
_limits[field] := seconds if {
	some field in ["timeout", "perTryTimeout", "streamIdleTimeout"]
	_writable(_routing[field])
	seconds := duration.seconds(_routing[field])
	seconds > 0
}

# What each try may take at most; rounded down, so that all of them fit.
_share := floor((_limits.timeout * 1000) / _tries) / 1000

_is_longer if _limits.perTryTimeout > _limits.timeout

_tries := numbers.positive(_routing.retries) + 1

_tries := 1 if {
	retries := object.get(_routing, "retries", null)
	not numbers.positive(retries)
}

# What the same time looks like where it is allowed.
_rewritten(value) := _text(seconds) if {
	seconds := _loose(value)
	seconds < 360000000
} else := "whole numbers with h, m, s or ms, as in 1m30s"

# The schema takes up to sixteen numbers, with fractions.
_loose(value) := sum([duration.seconds(part) | some part in regex.find_n(`[0-9.]+[hms]+`, value, -1)]) if {
	is_string(value)
	regex.match(`^([0-9]{1,9}(\.[0-9]{1,9})?(ms|s|m|h)){1,16}$`, value)
}

# Seconds as the Gateway API takes them, to the millisecond; thirty years stand for anything beyond.
_text(seconds) := concat("", [sprintf("%d%s", [amount, unit]) |
	thousandths := round(min([seconds, 1000000000]) * 1000)
	some [size, above, unit] in [[3600000, 360000000000, "h"], [60000, 3600000, "m"], [1000, 60000, "s"], [1, 1000, "ms"]]
	amount := floor((thousandths % above) / size)
	amount > 0
]) if {
	seconds >= 0.001
} else := "0s"

# A request that makes the model write: by a method with a body, on a path that is not known to answer at once.
_generates if {
	_routing
	_writes(object.get(input.request.object, ["spec", "methods"], null))
	path := object.get(input.request.object, ["spec", "path"], "")
	not _is_short(path)
}

_writes(methods) if not is_array(methods)

_writes(methods) if {
	some method in values.list(methods)
	method in {"POST", "PUT", "PATCH"}
}

_is_short(path) if {
	is_string(path)
	some short in values.list(_parameters.shortPaths)
	is_string(short)
	startswith(sprintf("%s/", [trim_suffix(path, "/")]), sprintf("%s/", [trim_suffix(short, "/")]))
}

_needed := ceil(_parameters.longestAnswer / _parameters.tokensPerSecond) if {
	_above_zero(_parameters.longestAnswer)
	_above_zero(_parameters.tokensPerSecond)
}

_above_zero(value) if {
	is_number(value)
	value > 0
}

_answer := sprintf("%v tokens at %v a second take %d seconds", [
	_parameters.longestAnswer,
	_parameters.tokensPerSecond,
	_needed,
])
