# METADATA
# title: Clients of a route show who they are
# description: >-
#   A model that answers everybody is found within days and paid by its owner. Without required authentication a limit for
#   each client, a bill for each team and an audit have nobody to name. A method that is listed but not set up lets nobody in
#   or, for tokens that were made for another application, too many.
# related_resources:
# - ref: https://gateway.envoyproxy.io/docs/tasks/security/jwt-authentication/
#   description: Tokens are checked against a provider with an issuer and its keys; there is none by itself
# - ref: https://www.rfc-editor.org/rfc/rfc8725#section-3.9
#   description: An issuer of tokens for several applications needs the audience, or one's tokens open the other
# - ref: https://github.com/envoyproxy/ai-gateway/issues/2641
#   description: "Without an issuer and audiences any token of the same keys passes: signature and expiry only"
# - ref: https://github.com/envoyproxy/gateway/issues/7425
#   description: The words Envoy says it in
# - ref: https://owasp.org/www-project-top-10-for-large-language-model-applications/
#   description: Unbounded consumption, whose first measure is to know the clients
# custom:
#   severity: error
#   scope: object
#   level: comprehensive
#   kinds: [GatewayRoute]
#   remedy: Set authentication.required to true with a method, and jwt.issuer, audiences and keys where jwt is one.
#   prevents: Requests without a client, answered with 200; or 401 Jwt issuer is not configured for every token
package ployd.rules.route.authentication

import data.ployd.lib.kinds
import data.ployd.lib.parameters
import data.ployd.lib.values

deny contains row if {
	_applies
	not _parameters.required == false
	row := {
		"msg": sprintf("%s, so anybody who reaches the gateway uses the model", [_open.why]),
		"path": _open.path,
		"remedy": _open.remedy,
	}
}

deny contains row if {
	"jwt" in _methods
	not _parameters.platformIssuer == true
	not _jwt
	row := {
		"msg": "methods has jwt, but there is no section jwt: no issuer is known, so no token is valid",
		"path": ["spec", "authentication", "jwt"],
		"remedy": "Add jwt with issuer, audiences and jwksUri, or remove jwt from methods.",
		"related": [{"msg": "listed here", "path": ["spec", "authentication", "methods", _position("jwt")]}],
	}
}

warn contains row if {
	"jwt" in _methods
	audiences := object.get(_jwt, "audiences", null)
	count(values.list(audiences)) == 0
	row := {
		"msg": sprintf("jwt has no audiences, so every token of %s is let in, whatever application it was made for", [_issuer]),
		"path": ["spec", "authentication", "jwt", "audiences"],
		"remedy": "Set audiences to the name under which the issuer knows this gateway.",
	}
}

_parameters := parameters.of(input, "route.authentication")

_applies if kinds.is_ployd(input.request, "GatewayRoute")

_authentication := input.request.object.spec.authentication if {
	_applies
	is_object(input.request.object.spec.authentication)
}

_methods := values.list(_authentication.methods)

_position(method) := [position | some position, each in _methods; each == method][0]

_jwt := _authentication.jwt if is_object(_authentication.jwt)

_issuer := _jwt.issuer if {
	is_string(_jwt.issuer)
} else := "its issuer"

# Why a request without a client passes; undefined where it does not.
_open := {
	"why": "authentication is not set",
	"path": ["spec", "authentication"],
	"remedy": "Add authentication: {required: true, methods: [api_key]}.",
} if {
	not _authentication
} else := {
	"why": "authentication.required is false",
	"path": ["spec", "authentication", "required"],
	"remedy": sprintf("Set required to true%s.", [_with_method]),
} if {
	_authentication.required == false
} else := {
	"why": "authentication has no methods",
	"path": ["spec", "authentication", "methods"],
	"remedy": "Add a method: api_key, jwt, oauth2 or mtls.",
} if {
	methods := object.get(_authentication, "methods", null)
	count(values.list(methods)) == 0
}

_with_method := "" if {
	count(_methods) > 0
} else := " and add a method, e.g. api_key"
