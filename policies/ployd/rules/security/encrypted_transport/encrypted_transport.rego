# METADATA
# title: What leaves the cluster is encrypted
# description: >-
#   Over plain http or ftp anybody on the way reads the credentials of a store, and can put other weights in the place of
#   those that were asked for. The same holds where TLS is used and certificates are not checked. Weights and what they are
#   read with are an error; other addresses are told. Inside the cluster plain http is common, and whether that is told is
#   data: a mesh encrypts it unseen.
# related_resources:
# - ref: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
#   description: AWS_ENDPOINT_URL is where every request for s3 goes, with its scheme
# - ref: https://kserve.github.io/website/docs/model-serving/storage/providers/s3
#   description: s3-usehttps and its variable S3_USE_HTTPS, 0 for plain http
# - ref: https://requests.readthedocs.io/en/latest/user/advanced/#ssl-cert-verification
#   description: REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE decide which certificates are believed
# - ref: https://kubernetes.io/docs/concepts/services-networking/ingress/#tls
#   description: An Ingress without tls serves plain http
# custom:
#   severity: error
#   scope: object
#   level: full
#   kinds:
#   - ModelDeployment
#   - Pod
#   - PodTemplate
#   - ReplicationController
#   - DaemonSet
#   - Deployment
#   - ReplicaSet
#   - StatefulSet
#   - CronJob
#   - Job
#   - Ingress
#   remedy: Write https, and give the program the certificate of your own authority rather than switching the check off.
#   prevents: Keys of a store in clear text on the network, and weights that somebody on the way has exchanged.
package ployd.rules.security.encrypted_transport

import data.ployd.lib.parameters
import data.ployd.lib.programs
import data.ployd.lib.serving
import data.ployd.lib.sources
import data.ployd.lib.values

deny contains row if {
	some use in _reached
	use.weights
	use.reach == "outside"
	row := _row(use)
}

# Switches that take the encryption or the check of certificates away.
deny contains row if {
	some switch in _switches
	switch.weights
	not _is_inside(switch)
	row := _off(switch)
}

deny contains row if {
	some server in serving.servers(input)
	serving.setting(server, "ssl_keyfile")
	not _has_certificate(server)
	row := {
		"msg": "--ssl-keyfile has no --ssl-certfile beside it: the server stops before it listens",
		"path": serving.setting_path(server, "ssl_keyfile"),
		"remedy": "Add --ssl-certfile with the certificate of the key.",
	}
}

deny contains row if {
	value := object.get(_parameters, "insideCluster", null)
	not _is_usable(value)
	row := parameters.unusable("security.encrypted_transport", "insideCluster", value, "true or false")
}

warn contains row if {
	some use in _reached
	not use.weights
	use.reach == "outside"
	row := _row(use)
}

warn contains row if {
	_tells_inside
	some use in _reached
	use.reach == "inside"
	row := {
		"msg": sprintf("%s is %s: plain text between pods, for everybody who can listen in the cluster", [use.name, _shown(use.text)]),
		"path": use.path,
		"remedy": "Write https, or let a mesh encrypt it and set insideCluster of security.encrypted_transport to false.",
	}
}

warn contains row if {
	some switch in _switches
	not switch.weights
	not _is_inside(switch)
	row := _off(switch)
}

warn contains row if {
	_tells_inside
	some switch in _switches
	_is_inside(switch)
	row := _off(switch)
}

warn contains row if {
	some program in programs.of(input.request)
	some argument in program.arguments
	some word in _words(argument.text)
	some flag, what in _flags
	trim(word, `"';`) == flag
	row := {
		"msg": sprintf("%s of %s %s", [flag, program.owner, what]),
		"path": argument.path,
		"remedy": sprintf("Remove %s and give the program the certificate of your authority.", [flag]),
	}
}

warn contains row if {
	not _ends_elsewhere
	some rule in _rules
	host := rule.host
	not _is_covered(host)
	row := {
		"msg": sprintf("the Ingress serves %s over plain http: no entry of tls covers it", [rule.shown]),
		"path": rule.path,
		"remedy": sprintf("Add %s to the hosts of an entry of spec.tls, with secretName.", [rule.shown]),
	}
}

_parameters := parameters.of(input, "security.encrypted_transport")

_is_usable(value) if value in {true, false, null}

_tells_inside if not _parameters.insideCluster == false

_row(use) := {
	"msg": sprintf("%s is %s: it goes over the network in plain text", [use.name, _shown(use.text)]),
	"path": use.path,
	"remedy": sprintf("Write %s.", [_encrypted(use.text)]),
}

# Addresses that lead somewhere.
_reached contains use if {
	some used in _uses
	use := object.union(used, {"reach": _reach(used.text)})
}

# Addresses that are used: {"name", "text", "path", "weights": whether weights or their credentials go there}.
_uses contains use if {
	some source in sources.of(input)
	use := {"name": source.name, "text": source.text, "path": source.path, "weights": true}
}

_uses contains use if {
	some program in programs.of(input.request)
	some variable in program.variables
	name := upper(variable.name)
	not _is_proxy(name)
	use := {
		"name": sprintf("%s of %s", [variable.name, program.owner]),
		"text": variable.text,
		"path": variable.path,
		"weights": _is_of_weights(name),
	}
}

_uses contains use if {
	some program in programs.of(input.request)
	some argument in program.arguments
	some word in _words(argument.text)
	some [_, flag, text] in regex.find_all_string_submatch_n(_address, word, 1)
	not text in _source_texts
	use := {"name": _argument(flag, program.owner), "text": text, "path": argument.path, "weights": false}
}

_source_texts contains source.text if some source in sources.of(input)

# A longer text is no command line.
_words(text) := regex.split(`\s+`, text) if {
	count(text) <= 65536
} else := []

_address := `^(?:--?([A-Za-z][A-Za-z0-9_.-]*)=)?["']?((?i:http|ftp)://[^"';]+)`

_argument("", owner) := sprintf("an address in the arguments of %s", [owner])

_argument(flag, owner) := sprintf("--%s of %s", [flag, owner]) if flag != ""

# A proxy is spoken to in plain text, and passes encrypted bytes on.
_is_proxy(name) if endswith(name, "_PROXY")

_is_of_weights(name) := regex.match(`(^|_)(AWS|S3|HF|MINIO|GCS|STORAGE|MODEL|MODELS|REGISTRY|MLFLOW)_([A-Z0-9]+_)*(ENDPOINT|URL|URI)(_S3)?$`, name)

# Where an address leads: outside, inside the cluster, or nowhere that has to be encrypted. Undefined for other schemes.
_reach(text) := "outside" if {
	startswith(lower(text), "ftp://")
} else := _leads(_host(text))

_leads(host) := "local" if {
	regex.match(`^(localhost|127\.[0-9.]+|\[::1\]|0\.0\.0\.0|169\.254\.[0-9.]+)$|[$({]`, host)
} else := "inside" if {
	regex.match(_service, host)
} else := "outside"

_host(text) := lower(found[0][1]) if {
	contains(text, "://")
	found := regex.find_all_string_submatch_n(`^(?i:http)://(?:[^/@]*@)?(\[[^\]]*\]|[^/:?#\s]+)`, text, 1)
	count(found) > 0
}

# A Service: its name, name.namespace.svc and what follows, or name.namespace where that is no domain of the internet.
_service := concat("|", [
	`^[a-z0-9-]+$`,
	`\.svc(\.[a-z0-9.-]+)?$`,
	`\.cluster\.local$`,
	`^[a-z0-9-]+\.[a-z0-9-]*-[a-z0-9-]*$`,
	`^[a-z0-9-]+\.(default|minio|storage|models?|monitoring|observability|tracing|kubeflow|kserve|mlflow|rook-ceph|ceph)$`,
])

_encrypted(text) := regex.replace(_shown(text), `^(?i:http)://`, "https://") if {
	not _is_ftp(text)
} else := "an address that begins with https://, s3:// or another encrypted scheme"

_is_ftp(text) if startswith(lower(text), "ftp://")

# Without user name and query, where keys stand.
_shown(text) := regex.replace(regex.replace(sources.shown(text), `[?#].*$`, ""), `(?s)\s.*$`, "")

_switches contains switch if {
	some program in programs.of(input.request)
	some variable in program.variables
	some [name, values_off, what, weights] in _offs
	regex.match(name, upper(variable.name))
	lower(trim_space(variable.text)) in values_off
	switch := {"name": variable.name, "text": variable.text, "path": variable.path, "what": what, "weights": weights, "program": program}
}

_no := {"0", "false", "no", "off"}

_yes := {"1", "true", "yes", "on"}

_offs := [
	[`(^|_)(S3|MINIO)_(USE_)?(HTTPS|SSL|TLS|SECURE)$`, _no, "switches encryption off", true],
	[`^MINIO_SECURE$`, _no, "switches encryption off", true],
	[`(^|_)(S3|MINIO|AWS)_(VERIFY_SSL|SSL_VERIFY|VERIFY_TLS)$`, _no, "accepts any certificate", true],
	[`^(PYTHONHTTPSVERIFY|NODE_TLS_REJECT_UNAUTHORIZED)$`, _no, "accepts any certificate", true],
	[`^(REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE)$`, {""}, "accepts any certificate", true],
	[`^(GIT_SSL_NO_VERIFY|HF_HUB_DISABLE_SSL_VERIFY|AWS_NO_VERIFY_SSL)$`, _yes, "accepts any certificate", true],
	[`_(SKIP_(TLS|SSL)_VERIFY|(TLS|SSL)_SKIP_VERIFY|INSECURE_SKIP_VERIFY|TLS_INSECURE)$`, _yes, "accepts any certificate", false],
]

# Plain http to a store in the cluster.
_is_inside(switch) if {
	switch.what == "switches encryption off"
	addresses := [variable.text |
		some variable in switch.program.variables
		_is_of_weights(upper(variable.name))
	]
	count(addresses) > 0
	every address in addresses {
		_reach(_with_scheme(address)) in {"inside", "local"}
	}
}

_with_scheme(address) := address if {
	contains(address, "://")
} else := sprintf("http://%s", [address])

_off(switch) := {
	"msg": sprintf("%s %s of %s %s", [switch.name, values.shown(switch.text), switch.program.owner, switch.what]),
	"path": switch.path,
	"remedy": sprintf("Remove %s; your own authority's certificate goes into AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE or SSL_CERT_FILE.", [switch.name]),
}

_flags := {
	"--no-verify-ssl": "accepts any certificate",
	"--no-check-certificate": "accepts any certificate",
	"--insecure": "accepts any certificate or none",
	"--trusted-host": "accepts any certificate of a host",
}

_has_certificate(server) if serving.setting(server, "ssl_certfile")

# A load balancer of the cloud ends TLS before the Ingress, by its annotations.
_ends_elsewhere if {
	some name in [
		"alb.ingress.kubernetes.io/certificate-arn", "networking.gke.io/managed-certificates",
		"ingress.gcp.kubernetes.io/pre-shared-cert", "appgw.ingress.kubernetes.io/appgw-ssl-certificate",
		"service.beta.kubernetes.io/aws-load-balancer-ssl-cert",
	]
	is_string(input.request.object.metadata.annotations[name])
}

_ingress := input.request.object.spec if {
	input.request.kind.group in {"networking.k8s.io", "extensions"}
	input.request.kind.kind == "Ingress"
	is_object(input.request.object.spec)
}

_rules contains rule if {
	some position, entry in values.list(_ingress.rules)
	is_object(entry)
	host := _named(object.get(entry, "host", null))
	rule := {"host": host, "shown": _every(host), "path": ["spec", "rules", position, "host"]}
}

_rules contains rule if {
	count(values.list(object.get(_ingress, "rules", []))) == 0
	is_object(_ingress.defaultBackend)
	rule := {"host": "", "shown": "every host", "path": ["spec", "defaultBackend"]}
}

_named(host) := host if {
	is_string(host)
} else := ""

_every(host) := host if {
	host != ""
} else := "every host"

# An entry without hosts covers all that the controller has; *.example.com one step.
_is_covered(host) if {
	some entry in values.list(_ingress.tls)
	is_object(entry)
	some covering in _covering(entry)
	covering in {"", host, _wildcard(host)}
}

_covering(entry) := hosts if {
	hosts := [host | some host in values.list(object.get(entry, "hosts", null)); is_string(host)]
	count(hosts) > 0
} else := [""]

_wildcard(host) := regex.replace(host, `^[^.]+\.`, "*.")
