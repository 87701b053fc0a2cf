# METADATA
# title: Every backend of a route exists
# description: >-
#   A gateway answers the share of a backend it cannot resolve with 500, and tells it in a condition of the route that
#   nobody looks at. The backend is the Service or ModelDeployment that the host names, or, without a host, the
#   ModelDeployment of that name; it must be in the route's environment and cluster. Hosts outside the cluster are not judged.
# related_resources:
# - ref: https://gateway.envoyproxy.io/v1.2/tasks/traffic/http-traffic-splitting/
#   description: An invalid backend answers its requests with 500
# custom:
#   severity: error
#   scope: inventory
#   level: basic
#   kinds: [GatewayRoute]
#   remedy: Correct the name, or add the Service or ModelDeployment to the same environment.
#   prevents: 'ResolvedRefs False BackendNotFound; 500 for this backend''s share of requests'
package ployd.rules.route.backend_exists

import data.ployd.lib.kinds
import data.ployd.lib.names
import data.ployd.lib.service
import data.ployd.lib.values

deny contains row if {
	some place in _backends
	not _exists(place)
	row := {
		"msg": sprintf("no %s %s in %s", [place.sort, place.shown, _environment_shown]),
		"path": place.path,
		"remedy": sprintf("Correct the name or add it to this environment.%s", [names.suggestion(place.name, _known(place))]),
		"related": _near(place),
	}
}

# What each model of the route leads to.
_backends contains place if {
	_applies
	some position, model in values.list(input.request.object.spec.models)
	target := service.parse(model.service, input.request.namespace)
	place := object.union(target, {
		"sort": "Service or ModelDeployment",
		"kinds": ["Service", "ModelDeployment"],
		"shown": _shown(target),
		"path": ["spec", "models", position, "service"],
	})
}

_backends contains place if {
	_applies
	some position, model in values.list(input.request.object.spec.models)
	is_string(model.name)
	not _names_service(model)
	target := {"name": model.name, "namespace": input.request.namespace}
	place := object.union(target, {
		"sort": "ModelDeployment",
		"kinds": ["ModelDeployment"],
		"shown": _shown(target),
		"path": ["spec", "models", position, "name"],
	})
}

_applies if {
	kinds.is_ployd(input.request, "GatewayRoute")
	input.ployd.inventory.objects
}

_names_service(model) if {
	is_string(model.service)
	model.service != ""
}

_shown(target) := sprintf("%s/%s", [target.namespace, target.name]) if target.namespace != ""

_shown(target) := target.name if target.namespace == ""

_environment := input.ployd.self.environment

_environment_shown := _environment if {
	_environment != ""
} else := "what was read"

# What belongs to no environment, or says no namespace or cluster, may be meant for this one.
_exists(place) if {
	some environment in {_environment, ""}
	some kind in place.kinds
	some namespace in {place.namespace, ""}
	some entry in input.ployd.inventory.objects[environment][kind][namespace][place.name]
	_reachable(entry)
}

_exists(place) if {
	place.namespace == ""
	some environment in {_environment, ""}
	some kind in place.kinds
	some names_here in input.ployd.inventory.objects[environment][kind]
	some entry in names_here[place.name]
	_reachable(entry)
}

_reachable(entry) if entry.cluster in {input.ployd.self.cluster, ""}

_reachable(_) if input.ployd.self.cluster == ""

_known(place) := {name |
	some kind in place.kinds
	some name, _ in input.ployd.inventory.objects[_environment][kind][place.namespace]
}

_near(place) := [{"msg": sprintf("%s is here", [name]), "path": ["metadata", "name"], "object": entry.id} |
	some name in names.like(place.name, _known(place))
	some kind in place.kinds
	some entry in input.ployd.inventory.objects[_environment][kind][place.namespace][name]
]
