# METADATA
# title: No Service is called vllm, and every model's name can be a Service's
# description: >-
#   Kubernetes gives each container variables for each Service of its namespace. Of a Service called vllm comes
#   VLLM_PORT=tcp://10.0.0.7:8000, which is vLLM's own setting, so every vLLM pod that starts after it stops at once. A
#   ModelDeployment's Service has the ModelDeployment's name, and a Service's name takes no dot, at most 63 characters and,
#   before Kubernetes 1.36, no digit in front: the model would run without an address.
# related_resources:
# - ref: https://docs.vllm.ai/en/latest/configuration/env_vars/
#   description: Do not name the Service vllm; the variables of Kubernetes conflict with those of vLLM
# - ref: https://github.com/vllm-project/vllm/issues/34199
#   description: A server that does not start because of a variable nobody set
# - ref: https://github.com/vllm-project/vllm/issues/5867
#   description: The same failure in older words
# - ref: https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
#   description: Which variables a Service makes, and enableServiceLinks, which switches them off
# - ref: https://www.kubernetes.dev/resources/keps/5311/
#   description: Since when a Service's name may begin with a digit
# custom:
#   severity: error
#   scope: object
#   level: basic
#   kinds:
#   - Service
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
#   remedy: Name the Service after its model, with letters, digits and dashes, a letter in front.
#   prevents: >-
#     VLLM_PORT 'tcp://...' appears to be a URI. This may be caused by a Kubernetes service discovery issue; or, of a model's
#     name, Service "70b-chat" is invalid
package ployd.rules.vllm.service_name

import data.ployd.lib.kinds
import data.ployd.lib.parameters
import data.ployd.lib.serving

deny contains row if {
	input.request.kind.group == ""
	input.request.kind.kind == "Service"
	is_object(input.request.object)
	_name == "vllm"
	_has_address
	row := {
		"msg": sprintf("Service vllm makes the variable VLLM_PORT in every pod%s, and vLLM takes it for its own", [_of_namespace]),
		"path": ["metadata", "name"],
		"remedy": "Name the Service after its model, e.g. llama-3-1-8b-instruct.",
	}
}

deny contains row if {
	_is_model
	_name == "vllm"
	row := {
		"msg": "the Service of this ModelDeployment is called vllm too, and its variable VLLM_PORT stops every vLLM that starts",
		"path": ["metadata", "name"],
		"remedy": "Name the ModelDeployment after its model, e.g. llama-3-1-8b-instruct.",
	}
}

deny contains row if {
	_is_model
	some reason in _reasons
	row := {
		"msg": sprintf("%q cannot be the name of the model's Service: %s", [_name, reason]),
		"path": ["metadata", "name"],
		"remedy": sprintf("Name it %s%s.", [_possible, _clients]),
	}
}

deny contains row if {
	some server in serving.servers(input)
	variable := server.environment.VLLM_PORT
	text := variable.value
	is_string(text)
	not _is_number(text)
	row := {
		"msg": sprintf("%s sets VLLM_PORT to %q, which is no number", [server.owner, text]),
		"path": variable.path,
		"remedy": "Remove VLLM_PORT: vLLM finds a port for itself, and the port of its API is --port.",
	}
}

deny contains row if {
	_is_model
	value := object.get(_parameters, "leadingDigit", false)
	not is_boolean(value)
	row := parameters.unusable("vllm.service_name", "leadingDigit", value, "true or false")
}

_parameters := parameters.of(input, "vllm.service_name")

_is_model if kinds.is_ployd(input.request, "ModelDeployment")

_name := name if {
	name := input.request.object.metadata.name
	is_string(name)
	name != ""
}

_of_namespace := sprintf(" of %s", [input.request.namespace]) if {
	is_string(input.request.namespace)
	input.request.namespace != ""
} else := " of its namespace"

# Kubernetes makes variables only of Services that have an address of their own.
_has_address if {
	not input.request.object.spec.clusterIP == "None"
	not input.request.object.spec.type == "ExternalName"
}

# In the API server's words.
_reasons contains "must be no more than 63 bytes" if count(_name) > 63

_reasons contains _words if {
	_name
	not _is_label
}

_is_label if regex.match(`^[a-z]([-a-z0-9]*[a-z0-9])?$`, _name)

_is_label if {
	_parameters.leadingDigit == true
	regex.match(`^[0-9]([-a-z0-9]*[a-z0-9])?$`, _name)
}

_words := concat(" ", [
	"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-',",
	"and must start and end with an alphanumeric character",
]) if {
	_parameters.leadingDigit == true
} else := concat(" ", [
	"a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character,",
	"and end with an alphanumeric character",
])

# The nearest name that Kubernetes takes.
_possible := trim_right(substring(_led(_dashed), 0, 63), "-")

_dashed := trim(regex.replace(lower(_name), `[^a-z0-9]+`, "-"), "-")

_led(name) := name if {
	regex.match(`^[a-z]`, name)
} else := name if {
	_parameters.leadingDigit == true
	name != ""
} else := sprintf("model-%s", [name])

_clients := "; clients go on asking for spec.model.name" if {
	is_string(input.request.object.spec.model.name)
} else := sprintf(", and write %s in spec.model.name for the clients", [_name])

# A reference to another variable is known to the pod only.
_is_number(text) if regex.match(`^[+-]?[0-9]+$`, trim_space(text))

_is_number(text) if contains(text, "$(")
