# METADATA
# title: The version of vLLM that runs knows its flags
# description: >-
#   vllm serve refuses a flag it does not know before it does anything else, and the container starts over again for ever.
#   Flags come and go with releases: a manifest that worked stops with the next image. Which release knows which flag is
#   data, read from the releases; where the version cannot be told from image or serverVersion, nobody can check them.
# related_resources:
# - ref: https://github.com/kserve/kserve/pull/6037
#   description: Samples passed a flag their image no longer had; its successor means the opposite
# - ref: https://github.com/kserve/kserve/pull/4883
#   description: The same flag in all of KServe's presets
# - ref: https://github.com/gpustack/gpustack/issues/3991
#   description: Servers that did not start after --task was gone
# - ref: https://github.com/vllm-project/vllm/issues/22072
#   description: What a container with an argument vLLM does not know ends with
# custom:
#   severity: error
#   scope: object
#   level: basic
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
#   remedy: Take the flag out, or use an image whose version knows it.
#   prevents: 'vllm: error: unrecognized arguments: --disable-log-requests'
package ployd.rules.vllm.flags

import data.ployd.lib.serving
import data.ployd.lib.values

deny contains row if {
	some server in serving.servers(input)
	some argument in _arguments(server)
	row := {
		"msg": sprintf("%s: vLLM %s %s", [server.owner, server.version.text, _fault(argument, _name(server, argument))]),
		"path": argument.path,
		"remedy": _remedy(argument, _name(server, argument)),
		"related": [{"msg": sprintf("vLLM %s", [server.version.text]), "path": server.version.path}],
	}
}

# The platform knows the fields of a ModelDeployment in the images it chooses itself; flags it passes on as they are.
warn contains row if {
	some server in serving.servers(input)
	server.version.text == ""
	names := [_flag(argument.flag) | some argument in _unchecked(server); not _is_field(server, argument)]
	count(names) > 0
	row := {
		"msg": sprintf("%s: the version of vLLM is not known (%s), so nobody can tell whether it has %s", [
			server.owner,
			_image(server),
			_list(names),
		]),
		"path": server.version.path,
		"remedy": _pin(server),
	}
}

# A release between two that were read, or before them all.
warn contains row if {
	some server in serving.servers(input)
	server.version.text != ""
	names := [_name(server, argument) | some argument in _unchecked(server)]
	count(names) > 0
	row := {
		"msg": sprintf("%s: whether vLLM %s has %s is not known here: it lies between releases that were read", [
			server.owner,
			server.version.text,
			_list(names),
		]),
		"path": server.version.path,
		"remedy": sprintf("Try it with the image: vllm serve --help=all lists the flags of %s.", [server.version.text]),
	}
}

_arguments(server) := [argument |
	some argument in values.list(server.arguments)
	argument.status in {"removed", "later", "unknown"}
]

_fault(argument, name) := sprintf("has no %s any more; it is gone since %s", [name, argument.since]) if {
	argument.status == "removed"
} else := sprintf("has no %s yet; it is there from %s on", [name, argument.since]) if {
	argument.status == "later"
} else := sprintf("has no %s, and no release that was read has it", [name])

_remedy(argument, name) := sprintf("Remove %s, or use vLLM %s or newer.", [name, argument.since]) if {
	argument.status == "later"
} else := sprintf("Remove %s.%s", [name, _likeness(argument)])

# A flag with a like name may mean the opposite: it is named, not recommended.
_likeness(argument) := sprintf(" This version has %s.", [concat(" and ", [_flag(name) | some name in argument.like])]) if {
	count(argument.like) > 0
} else := ""

_unchecked(server) := [argument |
	some argument in values.list(server.arguments)
	argument.status == "unchecked"
]

_is_field(server, argument) if {
	server.kind == "ModelDeployment"
	is_string(argument.path[count(argument.path) - 1])
}

# The field of a ModelDeployment as it is written there, anything else as a flag.
_name(server, argument) := sprintf("%s (%s)", [argument.path[count(argument.path) - 1], _flag(argument.flag)]) if {
	_is_field(server, argument)
} else := _flag(argument.flag)

_flag(name) := sprintf("--%s", [name])

_image(server) := "no image is named" if {
	server.version.image == ""
} else := sprintf("image %s", [server.version.image])

_pin(server) := "Name an image whose tag is a version, or write spec.model.serverVersion." if {
	server.kind == "ModelDeployment"
} else := "Name an image whose tag is a version of vLLM, with its digest."

# All of a few, the first of many.
_list(names) := sprintf("%d flags, %s, ...", [count(names), concat(", ", array.slice(names, 0, _shown))]) if {
	count(names) > _shown
} else := concat(", ", names)

_shown := 3
