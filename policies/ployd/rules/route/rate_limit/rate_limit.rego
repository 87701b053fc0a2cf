# METADATA
# title: A route is limited, and its limits can be reached
# description: >-
#   One client in a loop fills the queue of every replica, and the others wait for minutes behind it. A limit for each client
#   needs to know clients: without authentication they are counted by address, and an office behind one address shares the
#   limit of one person. A client's limit above everybody's limit never acts.
# related_resources:
# - ref: https://gateway.envoyproxy.io/docs/tasks/traffic/global-rate-limit/
#   description: Limits for each client are counted by a header of its own, or by its address
# - ref: https://github.com/envoyproxy/gateway/issues/847
#   description: Authentication runs before the limit, so that clients can be told apart
# - ref: https://github.com/agentgateway/agentgateway/issues/1909
#   description: "One limit for all: a single client uses it up and blocks the others"
# custom:
#   severity: error
#   scope: object
#   level: full
#   kinds: [GatewayRoute]
#   remedy: Set rateLimit.global, perClient below it, and require authentication where clients are counted.
#   prevents: One client whose requests fill every queue while the others get 429 or wait
package ployd.rules.route.rate_limit

import data.ployd.lib.kinds
import data.ployd.lib.numbers
import data.ployd.lib.parameters
import data.ployd.lib.values

deny contains row if {
	_applies
	not _parameters.required == false
	count(_limits) == 0
	row := object.union(
		_missing,
		{"remedy": "Set rateLimit.global.rpm to the requests that the models behind it answer in a minute, and perClient.rpm below it."},
	)
}

deny contains row if {
	some unit in ["rpm", "tpm"]
	_limits.perClient[unit] > _limits.global[unit]
	row := {
		"msg": sprintf("perClient.%s %d is never reached: global.%s stops everybody at %d", [
			unit, _limits.perClient[unit],
			unit, _limits.global[unit],
		]),
		"path": ["spec", "rateLimit", "perClient", unit],
		"remedy": sprintf("Set perClient.%s below %d.", [unit, _limits.global[unit]]),
		"related": [{"msg": "the limit of all clients", "path": ["spec", "rateLimit", "global", unit]}],
	}
}

warn contains row if {
	count(_limits.perClient) > 0
	row := {
		"msg": sprintf("perClient counts by address, because %s: whoever shares an address shares %s", [_anonymous.why, _shared]),
		"path": ["spec", "rateLimit", "perClient"],
		"remedy": "Set authentication.required to true with a method, so that a client is who it says it is.",
		"related": [{"msg": "how clients show who they are", "path": _anonymous.path}],
	}
}

warn contains row if {
	some scope, limit in _limits
	burst := numbers.natural(_rate_limit[scope].burst)
	burst > limit.rpm
	row := {
		"msg": sprintf("%s.burst %d is more than the %d requests of a whole minute, so it limits nothing", [scope, burst, limit.rpm]),
		"path": ["spec", "rateLimit", scope, "burst"],
		"remedy": sprintf("Set burst to %d or less.", [limit.rpm]),
		"related": [{"msg": "the requests of a minute", "path": ["spec", "rateLimit", scope, "rpm"]}],
	}
}

warn contains row if {
	some scope, limit in _limits
	numbers.natural(_rate_limit[scope].burst)
	object.get(limit, "rpm", null) == null
	row := {
		"msg": sprintf("%s.burst counts requests, but %s has no rpm", [scope, scope]),
		"path": ["spec", "rateLimit", scope, "burst"],
		"remedy": sprintf("Set %s.rpm, or remove burst.", [scope]),
	}
}

_parameters := parameters.of(input, "route.rate_limit")

_applies if kinds.is_ployd(input.request, "GatewayRoute")

_rate_limit := input.request.object.spec.rateLimit if {
	is_object(input.request.object.spec.rateLimit)
}

# What limits anything, by whose limit it is.
_limits[scope] := amounts if {
	_applies
	object.get(_rate_limit, "enabled", true) != false
	some scope in ["global", "perClient"]
	amounts := {unit: amount |
		some unit in ["rpm", "tpm"]
		amount := numbers.positive(_rate_limit[scope][unit])
	}
	count(amounts) > 0
}

_missing := {
	"msg": "rateLimit is not set, so one client can take every replica",
	"path": ["spec", "rateLimit"],
} if {
	not _rate_limit
} else := {
	"msg": "rateLimit.enabled is false, so one client can take every replica",
	"path": ["spec", "rateLimit", "enabled"],
} if {
	_rate_limit.enabled == false
} else := {
	"msg": "rateLimit has neither rpm nor tpm, so one client can take every replica",
	"path": ["spec", "rateLimit"],
}

# Undefined where every client is known.
_anonymous := {"why": "authentication is not set", "path": ["spec", "authentication"]} if {
	not _authentication
} else := {"why": "authentication.required is false", "path": ["spec", "authentication", "required"]} if {
	_authentication.required == false
} else := {"why": "authentication has no methods", "path": ["spec", "authentication", "methods"]} if {
	methods := object.get(_authentication, "methods", null)
	count(values.list(methods)) == 0
}

_authentication := input.request.object.spec.authentication if is_object(input.request.object.spec.authentication)

_shared := concat(" and ", [sprintf("%d %s", [_limits.perClient[unit], name]) |
	some [unit, name] in [["rpm", "requests"], ["tpm", "tokens"]]
	_limits.perClient[unit]
])
