# METADATA
# title: A request is retried only where the model has not begun with it
# description: >-
#   A prompt that is sent again is generated again: the first answer is still being written, and both are paid in GPU time.
#   Under load it gets worse, because what fails for want of time comes back several times over. Failures from before the
#   model saw the request are safe, and so are the codes by which a server says that it did not take it.
# related_resources:
# - ref: https://github.com/Comfy-Org/ComfyUI/pull/16204
#   description: Retries after a lost connection made four generations of one, all billed; the user got none
# - ref: https://github.com/radixark/miles/issues/1334
#   description: The server keeps generating after the connection is lost; the retry starts a second generation
# - ref: https://github.com/vectorize-io/hindsight/issues/1567
#   description: Repeated requests of which the first still ran filled the GPU, and timeouts cascaded
# - ref: https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on
#   description: What each name means, and which of them say that a retry is safe
# - ref: https://sre.google/sre-book/addressing-cascading-failures/
#   description: How retries multiply the load of what is overloaded already
# custom:
#   severity: error
#   scope: object
#   level: full
#   kinds: [GatewayRoute]
#   remedy: Retry on connect-failure, refused-stream, reset-before-request, 503 and 429 only, and two or three times at most.
#   prevents: Generations that were made and paid twice or more, of which the client got one or none
package ployd.rules.route.retries

import data.ployd.lib.kinds
import data.ployd.lib.names
import data.ployd.lib.numbers
import data.ployd.lib.parameters
import data.ployd.lib.values

deny contains row if {
	_retries
	some position, failure in _retry_on
	is_string(failure)
	not _known(failure)
	row := {
		"msg": sprintf("Envoy knows no failure %s to retry on", [failure]),
		"path": ["spec", "routing", "retryOn", position],
		"remedy": sprintf("Correct the name or remove it.%s", [names.suggestion(failure, _names)]),
	}
}

deny contains row if {
	_retries
	_costs
	some position, failure in _retry_on
	_known(failure)
	not _before(failure)
	not _pointless(failure)
	row := {
		"msg": sprintf("a retry on %s repeats requests that the model may have begun; each try is a generation of its own", [failure]),
		"path": ["spec", "routing", "retryOn", position],
		"remedy": sprintf("Remove %s; connect-failure, refused-stream, reset-before-request and 503 come from before it began.", [failure]),
	}
}

deny contains row if {
	_retries
	value := object.get(_parameters, "most", null)
	value != null
	not numbers.natural(value)
	row := parameters.unusable("route.retries", "most", value, "a whole number")
}

warn contains row if {
	_retries
	some position, failure in _retry_on
	_pointless(failure)
	row := {
		"msg": sprintf("a retry on %s sends what was answered already, and gets the same answer", [failure]),
		"path": ["spec", "routing", "retryOn", position],
		"remedy": sprintf("Remove %s.", [failure]),
	}
}

warn contains row if {
	_retries
	some position, failure in _retry_on
	failure == "retriable-status-codes"
	count([code | some code in _retry_on; _code(code)]) == 0
	row := {
		"msg": "retriable-status-codes without a code retries nothing",
		"path": ["spec", "routing", "retryOn", position],
		"remedy": "Add \"503\" to retryOn, or remove retriable-status-codes.",
	}
}

warn contains row if {
	retries := numbers.positive(_routing.retries)
	retries > numbers.natural(_parameters.most)
	row := {
		"msg": sprintf("retries is %d, so a request is sent up to %d times, and the load of a model that fails grows as much", [
			retries,
			retries + 1,
		]),
		"path": ["spec", "routing", "retries"],
		"remedy": sprintf("Set retries to %d or less.", [_parameters.most]),
	}
}

_parameters := parameters.of(input, "route.retries")

_routing := input.request.object.spec.routing if {
	kinds.is_ployd(input.request, "GatewayRoute")
	is_object(input.request.object.spec.routing)
}

# Unset, the number is the gateway's own, and it is not 0 once there is something to retry on.
_retries if object.get(_routing, "retries", null) != 0

_retry_on := values.list(_routing.retryOn)

# Requests whose repetition is paid in GPU time: with a body, and not on a path where repeating is known to be cheap.
_costs if {
	_routing
	_writes(object.get(input.request.object, ["spec", "methods"], null))
	path := object.get(input.request.object, ["spec", "path"], "")
	not _is_repeatable(path)
}

_writes(methods) if not is_array(methods)

_writes(methods) if {
	some method in values.list(methods)
	method in {"POST", "PUT", "PATCH"}
}

_is_repeatable(path) if {
	is_string(path)
	some repeatable in values.list(_parameters.repeatablePaths)
	is_string(repeatable)
	startswith(sprintf("%s/", [trim_suffix(path, "/")]), sprintf("%s/", [trim_suffix(repeatable, "/")]))
}

_known(failure) if failure in _names

_known(failure) if _code(failure)

_code(failure) if {
	is_string(failure)
	regex.match(`^[1-5][0-9][0-9]$`, failure)
}

# The server did not take the request, or never saw it. Statuses of gRPC do not come over HTTP; these say the same.
_before(failure) if {
	failure in {
		"connect-failure", "refused-stream", "reset-before-request", "http3-post-connect-failure", "envoy-ratelimited",
		"retriable-status-codes", "unavailable", "resource-exhausted", "cancelled", "425", "429", "503",
	}
}

# Codes about the request itself, and codes that are no failure and carry no answer.
_pointless(failure) if {
	_code(failure)
	regex.match(`^[134]`, failure)
	not _before(failure)
}

_names := {
	"5xx",
	"gateway-error",
	"reset",
	"reset-before-request",
	"connect-failure",
	"envoy-ratelimited",
	"retriable-4xx",
	"refused-stream",
	"retriable-status-codes",
	"retriable-headers",
	"http3-post-connect-failure",
	"cancelled",
	"deadline-exceeded",
	"internal",
	"resource-exhausted",
	"unavailable",
}
