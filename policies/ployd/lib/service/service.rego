# METADATA
# title: Service hosts
# description: Host names of Services inside a cluster, as its DNS resolves them.
# related_resources:
# - ref: https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
#   description: The forms a Service's name takes
package ployd.lib.service

# {"name", "namespace"} of the Service a host means, seen from a namespace. Undefined for a host outside the cluster.
parse(host, from) := {"name": labels[0], "namespace": namespace} if {
	is_string(host)
	labels := split(host, ".")
	namespace := _namespace(labels, from)
	labels[0] != ""
}

_namespace(labels, from) := from if count(labels) == 1

_namespace(labels, _) := labels[1] if count(labels) == 2

_namespace(labels, _) := labels[1] if {
	count(labels) > 2
	labels[2] == "svc"
}
