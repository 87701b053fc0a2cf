# METADATA
# title: Namespaces with models deny traffic by default
# description: >-
#   A pod that no NetworkPolicy selects takes connections from every pod of the cluster. vLLM asks for a key under /v1 only;
#   /invocations, /score and /metrics stay open, so whoever reaches the port uses the GPUs. A policy that selects every pod
#   and lets nobody in turns it round: what is allowed has to be written. One that lets everybody in, beside it, takes that
#   back without a word, because policies add up. Namespaces that are made elsewhere are not judged.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/services-networking/network-policies/#default-policies
#   description: Without a policy all traffic is allowed; policies add up; how a default deny is written
# - ref: https://docs.vllm.ai/en/latest/usage/security/
#   description: The API key protects /v1 only; restrict the rest by the network
# custom:
#   severity: error
#   scope: inventory
#   level: full
#   kinds: [Namespace, NetworkPolicy]
#   remedy: >-
#     Add a NetworkPolicy with podSelector {}, the policyTypes Ingress and Egress and no rules, then one for each connection
#     that is needed.
#   prevents: Nothing is refused, and every pod of the cluster reaches the models
package ployd.rules.security.network_policy

import data.ployd.lib.parameters
import data.ployd.lib.values

deny contains row if {
	_is("", "Namespace")
	name := input.request.name
	_is_judged(name)
	open := [direction | some direction in _demanded; not _isolated(name, direction)]
	count(open) > 0
	row := {
		"msg": sprintf("namespace %s holds %s, but no NetworkPolicy denies %s to its pods", [name, _held(name), _shown(open)]),
		"path": ["metadata", "name"],
		"remedy": sprintf(
			"Add a NetworkPolicy to %s with podSelector: {}, policyTypes: [%s] and no rules, then allow what is needed.",
			[name, concat(", ", _demanded)],
		),
		"related": _near(name, open),
	}
}

deny contains row if {
	some place in _unbounded
	place.all
	row := {
		"msg": sprintf("this policy allows all %s of every pod of %s, whatever others deny", [place.word, input.request.namespace]),
		"path": place.path,
		"remedy": _bound(place),
	}
}

deny contains row if {
	_is("", "Namespace")
	value := object.get(_parameters, "exemptNamespaces", [])
	not is_array(value)
	row := parameters.unusable("security.network_policy", "exemptNamespaces", value, "a list of namespaces")
}

warn contains row if {
	some place in _unbounded
	not place.all
	row := {
		"msg": sprintf("this policy allows all %s of the pods it selects, on every port", [place.word]),
		"path": place.path,
		"remedy": _bound(place),
	}
}

_is(group, kind) if {
	input.request.kind.group == group
	input.request.kind.kind == kind
	is_object(input.request.object)
	input.ployd.inventory.objects
}

_parameters := parameters.of(input, "security.network_policy")

# Nothing said about it is the strict answer.
_demanded := ["Ingress"] if {
	_parameters.egress == false
} else := ["Ingress", "Egress"]

_words := {"Ingress": "ingress", "Egress": "egress"}

_peers := {"Ingress": "from", "Egress": "to"}

_shown(directions) := concat(" and ", [_words[direction] | some direction in directions])

_environment := input.ployd.self.environment

_is_judged(namespace) if {
	namespace != ""
	not namespace in values.list(object.get(_parameters, "exemptNamespaces", []))
	_held(namespace) != ""
}

# Kinds whose pods live in the namespace. Routes and canaries have none.
_carriers := [
	"ModelDeployment",
	"Deployment",
	"StatefulSet",
	"DaemonSet",
	"ReplicaSet",
	"ReplicationController",
	"Job",
	"CronJob",
	"Pod",
	"RayService",
	"RayCluster",
	"InferenceService",
	"LLMInferenceService",
]

# What the namespace holds, as a sentence has it: 12 ModelDeployments and 1 CronJob.
_held(namespace) := concat(" and ", [text |
	some kind in _carriers
	amount := count([1 |
		some entries in input.ployd.inventory.objects[_environment][kind][namespace]
		some entry in entries
		_reachable(entry)
	])
	amount > 0
	text := sprintf("%d %s", [amount, _plural(kind, amount)])
])

_plural(kind, 1) := kind

_plural(kind, amount) := sprintf("%ss", [kind]) if amount > 1

_reachable(entry) if entry.cluster in {input.ployd.self.cluster, ""}

_reachable(_) if input.ployd.self.cluster == ""

# What belongs to no environment, or says no namespace or cluster, may be meant for this one.
_policies(namespace) := [object.union(entry, {"name": name}) |
	some environment in {_environment, ""}
	some place in {namespace, ""}
	some name, entries in input.ployd.inventory.objects[environment].NetworkPolicy[place]
	some entry in entries
	startswith(entry.apiVersion, "networking.k8s.io/")
	is_object(entry.spec)
	_reachable(entry)
]

_isolated(namespace, direction) if {
	some policy in _policies(namespace)
	_denies(policy.spec, direction)
}

# Selects every pod, and names who may come, if anybody.
_denies(spec, direction) if {
	_selects_all(spec)
	_covers(spec, direction)
	rules := _rules(spec, direction)
	every rule in rules {
		not _is_for_all(rule, direction)
	}
}

_selects_all(spec) if object.get(spec, "podSelector", null) == null

_selects_all(spec) if {
	is_object(spec.podSelector)
	every part in spec.podSelector {
		_is_empty(part)
	}
}

_is_empty(part) if part in [null, {}, []]

_types(spec) := values.list(object.get(spec, "policyTypes", []))

_rules(spec, direction) := values.list(object.get(spec, _words[direction], []))

_covers(spec, direction) if direction in _types(spec)

# Where no types are written: Ingress always, Egress where it has rules.
_covers(spec, "Ingress") if count(_types(spec)) == 0

_covers(spec, "Egress") if {
	count(_types(spec)) == 0
	count(_rules(spec, "Egress")) > 0
}

_is_for_all(rule, direction) if {
	is_object(rule)
	count(values.list(object.get(rule, _peers[direction], []))) == 0
}

_is_for_all(rule, direction) if {
	is_object(rule)
	some peer in values.list(object.get(rule, _peers[direction], []))
	block := peer.ipBlock
	block.cidr in {"0.0.0.0/0", "::/0"}
	count(values.list(object.get(block, "except", []))) == 0
}

# Policies that deny a part of what is demanded: the nearest place to change.
_near(namespace, open) := [{"msg": sprintf("%s does not deny %s", [policy.name, _shown(open)]), "path": ["spec"], "object": policy.id} |
	some policy in _policies(namespace)
	some direction in _demanded
	_denies(policy.spec, direction)
]

# Rules of the judged policy that name neither a peer nor a port.
_unbounded contains place if {
	_is("networking.k8s.io", "NetworkPolicy")
	_is_judged(input.request.namespace)
	spec := input.request.object.spec
	is_object(spec)
	some direction in _demanded
	_covers(spec, direction)
	some position, rule in _rules(spec, direction)
	_is_for_all(rule, direction)
	count(values.list(object.get(rule, "ports", []))) == 0
	place := {
		"all": _all(spec),
		"word": _words[direction],
		"peers": _peers[direction],
		"rule": sprintf("%s[%d]", [_words[direction], position]),
		"path": ["spec", _words[direction], position],
	}
}

_all(spec) if {
	_selects_all(spec)
} else := false

_bound(place) := sprintf("Name in %s who is meant (%s) and which ports, or remove the rule.", [place.rule, place.peers])
