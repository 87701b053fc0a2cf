# METADATA
# title: A request belongs to one route
# description: >-
#   Two routes for the same host, path and method are no error for a gateway: the older one gets every request, and after a
#   cluster is rebuilt it may be the other one. The later route is Accepted and answers nobody. Where one of the two names a
#   host or a method and the other takes any, the one that names it wins, which is a warning here. Nothing is said of routes
#   in different clusters.
# related_resources:
# - ref: https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule
#   description: Of two equal matches the oldest route wins, then the first by namespace and name
# - ref: https://gateway-api.sigs.k8s.io/reference/spec/#httproutespec
#   description: Of two routes whose hosts intersect, the one with more characters of its host wins
# - ref: https://github.com/kubernetes/ingress-nginx/issues/20
#   description: The same host in several objects, where the first created wins, and why that is hard to keep up
# custom:
#   severity: error
#   scope: inventory
#   level: basic
#   kinds: [GatewayRoute]
#   remedy: Give one of the two another path, host or method, or make them one route.
#   prevents: A route that is Accepted and gets no requests
package ployd.rules.route.overlap

import data.ployd.lib.kinds
import data.ployd.lib.values

deny contains _row if input.ployd.self.environment != ""

# What belongs to no environment may be meant for different ones.
warn contains _row if input.ployd.self.environment == ""

warn contains row if {
	some id, other in _overlapping
	id == min([each | some each, _ in _overlapping])
	not _row
	row := {
		"msg": sprintf("%s is shared with GatewayRoute %s: %s", [_shared(other.spec), other.name, _winner(_spec, other.spec)]),
		"path": ["spec", "path"],
		"remedy": "Name in both routes the hosts and methods they are for, or make them one route.",
		"related": [{"msg": "the other route", "path": ["spec", "path"], "object": id}],
	}
}

_row := {
	"msg": sprintf("%s belongs to GatewayRoute %s already", [_shared(_first.spec), _first.name]),
	"path": ["spec", "path"],
	"remedy": "Give one of the two another path, host or method: as they are, the older one gets every request.",
	"related": [{"msg": "the route that was first", "path": ["spec", "path"], "object": _first.id}],
}

_first := object.union(_overlapping[id], {"id": id}) if {
	id := min([each |
		some each, other in _overlapping
		_equals(_hosts(_spec), _hosts(other.spec))
		_equals(_methods(_spec), _methods(other.spec))
	])
}

_spec := input.request.object.spec if {
	kinds.is_ployd(input.request, "GatewayRoute")
	is_object(input.request.object.spec)
}

# Earlier routes of the same environment that some request would fit as well, by id. One of the same name is another
# definition of this route, which identity.unique speaks about.
_overlapping[entry.id] := {"spec": entry.spec, "name": _shown(namespace, name)} if {
	some namespace, named in input.ployd.inventory.objects[input.ployd.self.environment].GatewayRoute
	some name, entries in named
	[namespace, name] != [input.request.namespace, input.request.name]
	some entry in entries
	entry.id < input.ployd.self.id
	_reachable(entry)
	is_object(entry.spec)
	_match(entry.spec) == _match(_spec)
	_meet(_hosts(entry.spec), _hosts(_spec))
	_meet(_methods(entry.spec), _methods(_spec))
}

# What says no cluster goes to every one.
_reachable(entry) if entry.cluster in {input.ployd.self.cluster, ""}

_reachable(_) if input.ployd.self.cluster == ""

# A prefix is the same with and without a slash at its end.
_match(spec) := ["Exact", spec.path] if {
	is_string(spec.path)
	spec.pathType == "Exact"
}

_match(spec) := ["Prefix", trim_right(spec.path, "/")] if {
	is_string(spec.path)
	object.get(spec, "pathType", null) in {"Prefix", null}
}

# Empty for any host, and for any method.
_hosts(spec) := {host | some host in values.list(spec.hostnames)}

_methods(spec) := {method | some method in values.list(spec.methods)}

# Something fits both.
_meet(some_here, some_there) if count(some_here & some_there) > 0

_meet(some_here, some_there) if 0 in {count(some_here), count(some_there)}

# Neither of the two is more exact for what fits both.
_equals(some_here, some_there) if count(some_here & some_there) > 0

_equals(some_here, some_there) if count(some_here | some_there) == 0

# Which of two that are not equally exact gets what fits both: hosts count before methods.
_winner(here, there) := sprintf("that one names the %s and gets it", [_names(there, here)]) if {
	_names(there, here)
} else := sprintf("this one names the %s and takes it away", [_names(here, there)])

_names(one, two) := "host" if {
	count(_hosts(one)) > 0
	count(_hosts(two)) == 0
} else := "method" if {
	_equals(_hosts(one), _hosts(two))
	count(_methods(one)) > 0
	count(_methods(two)) == 0
}

# What fits both, as people write it: POST /v2/chat on api.example.com.
_shared(other) := concat("", [
	_methods_shown(_common(_methods(_spec), _methods(other))),
	_spec.path,
	_hosts_shown(_common(_hosts(_spec), _hosts(other))),
])

_methods_shown([]) := "every method of "

_methods_shown(methods) := sprintf("%s ", [concat(", ", methods)]) if count(methods) > 0

_hosts_shown([]) := ""

_hosts_shown(hosts) := sprintf(" on %s", [concat(", ", hosts)]) if count(hosts) > 0

# As far as either names it.
_common(some_here, some_there) := sort([sprintf("%v", [each]) | some each in (some_here & some_there)]) if {
	count(some_here & some_there) > 0
} else := sort([sprintf("%v", [each]) | some each in (some_here | some_there)])

_shown(namespace, name) := sprintf("%s/%s", [namespace, name]) if namespace != ""

_shown("", name) := name
