# METADATA
# title: The backends of a route answer to the name that clients ask for
# description: >-
#   Which model is meant is in the body of a request, which a gateway does not choose by: it splits by weight and passes the
#   name on. A backend that serves another name answers 404, for its share of the requests or in the very hour the fallback
#   is needed. With modelNameOverride the gateway writes the name that this backend knows, and says that the model is another.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/issues/3486
#   description: A name that is not the served one is answered with 404
# - ref: https://github.com/vllm-project/vllm/pull/58025
#   description: The text, and that --served-model-name makes it easy to hit
# - ref: https://aigateway.envoyproxy.io/docs/capabilities/traffic/model-virtualization/
#   description: modelNameOverride by backend, for a model that has another name there
# custom:
#   severity: warning
#   scope: inventory
#   level: basic
#   kinds: [GatewayRoute]
#   remedy: Set modelNameOverride to the name that the backend serves, or serve both models under one name.
#   prevents: "The model `x` does not exist."
package ployd.rules.route.model_names

import data.ployd.lib.kinds
import data.ployd.lib.service
import data.ployd.lib.values

warn contains row if {
	some position, backend in _backends
	position != _asked
	not _overridden(position)
	wanted := _backends[_asked]
	count(backend.names & wanted.names) == 0
	row := {
		"msg": sprintf("%s answers with 404 where clients ask for %s: it serves %s", [
			_models[position].name,
			_listed(wanted.names),
			_listed(backend.names),
		]),
		"path": ["spec", "models", position, "modelNameOverride"],
		"remedy": sprintf("Set modelNameOverride to %s, or add %s to served_model_name of %s.", [
			sort(backend.names)[0],
			sort(wanted.names)[0],
			_models[position].name,
		]),
		"related": [
			{"msg": "what it serves", "path": backend.path, "object": backend.id},
			{"msg": sprintf("what %s serves, which is asked first", [_models[_asked].name]), "path": wanted.path, "object": wanted.id},
		],
	}
}

warn contains row if {
	some position, backend in _backends
	_overridden(position)
	override := _models[position].modelNameOverride
	not override in backend.names
	row := {
		"msg": sprintf("%s answers with 404 when it is asked for %v: it serves %s", [
			_models[position].name,
			override,
			_listed(backend.names),
		]),
		"path": ["spec", "models", position, "modelNameOverride"],
		"remedy": sprintf("Set modelNameOverride to %s.", [sort(backend.names)[0]]),
		"related": [{"msg": "what it serves", "path": backend.path, "object": backend.id}],
	}
}

_models[position] := model if {
	kinds.is_ployd(input.request, "GatewayRoute")
	some position, model in values.list(input.request.object.spec.models)
	is_object(model)
	is_string(model.name)
}

_overridden(position) if object.get(_models[position], "modelNameOverride", null) != null

# The backend whose name is passed on as clients wrote it and that is asked first: its name is what they ask for.
_asked := min([position |
	some position, _ in _backends
	not _overridden(position)
	not _is_fallback(position)
])

_is_fallback(position) if _models[position].fallback == true

# Of each model of the route that is known: the names it answers to, and where they are written.
_backends[position] := backend if {
	some position, model in _models
	found := [entry | some entry in _deployments(model)]
	count(found) > 0
	every entry in found {
		_served(entry)
	}
	backend := {
		"names": union({_served(entry).names | some entry in found}),
		"path": _served(found[0]).path,
		"id": found[0].id,
	}
}

# The ModelDeployment a model names by its host or, where that is none, by its own name.
_deployments(model) := found if {
	found := _entries(service.parse(model.service, input.request.namespace))
	count(found) > 0
} else := _entries({"name": model.name, "namespace": input.request.namespace})

_entries(target) := [entry |
	some environment in [input.ployd.self.environment, ""]
	some namespace in {target.namespace, ""}
	some entry in input.ployd.inventory.objects[environment].ModelDeployment[namespace][target.name]
	_reachable(entry)
]

_reachable(entry) if entry.cluster in {input.ployd.self.cluster, ""}

_reachable(_) if input.ployd.self.cluster == ""

# Undefined where arguments or adapters may add names that are not written here.
_served(entry) := served if {
	not _adds_names(entry)
	served := {
		"names": {name | some name in values.list(entry.spec.model.vllm.served_model_name); is_string(name)},
		"path": ["spec", "model", "vllm", "served_model_name"],
	}
	count(served.names) > 0
} else := {"names": {entry.spec.model.name}, "path": ["spec", "model", "name"]} if {
	not _adds_names(entry)
	is_string(entry.spec.model.name)
}

_adds_names(entry) if entry.spec.model.vllm.enable_lora == true

_adds_names(entry) if {
	some argument in values.list(entry.spec.model.vllm.extraArgs)
	is_string(argument)
	startswith(argument, "--served-model-name")
}

_listed(found) := concat(" or ", sort([sprintf("%v", [name]) | some name in found]))
