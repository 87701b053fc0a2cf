# METADATA
# title: Code that comes with a model is allowed and pinned
# description: >-
#   With trust_remote_code vLLM imports Python files from the place of the model, before it has looked at a single weight.
#   Whoever can write there, or takes the account over, runs code beside the customers' prompts. A reviewed copy stays
#   reviewed only where a commit names it: revision pins the repository of the model, codeRevision the repository its
#   config.json may name for the code. A path in a store or a volume has neither, so only the path itself can tell copies
#   apart. Who may run code at all is data, and without it nobody may.
# related_resources:
# - ref: https://docs.vllm.ai/en/latest/usage/security.html
#   description: vLLM's own page on what must not be exposed or trusted
# - ref: https://github.com/huggingface/transformers/blob/main/src/transformers/dynamic_module_utils.py
#   description: Code is read from another repository where auto_map names one; without a revision, the newest
# - ref: https://huggingface.co/docs/transformers/main/en/models#custom-models
#   description: Pass a commit as revision, so that the author cannot change the code behind you
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
#   remedy: Remove trust_remote_code, or have the path allowed after a review of its code and pin the reviewed commits.
#   prevents: Python of a stranger runs in the model server as soon as it starts, with its token, its network and its GPUs.
package ployd.rules.security.remote_code

import data.ployd.lib.parameters
import data.ployd.lib.serving
import data.ployd.lib.sources
import data.ployd.lib.values

deny contains row if {
	some source in _running
	not _is_allowed(source)
	row := {
		"msg": sprintf("%s runs Python from %s, the place of the %s, %s", [
			_setting(source.server),
			sources.shown(source.text),
			source.role,
			_nobody,
		]),
		"path": source.path,
		"remedy": sprintf("Remove %s, or have %s put into allowed of security.remote_code once its code was read.", [
			_setting(source.server),
			sources.shown(source.text),
		]),
		"related": [_switch(source.server)],
	}
}

deny contains row if {
	some source in _running
	sources.repository(source.text)
	revision := source.revision.text
	not sources.is_commit(revision)
	row := {
		"msg": sprintf("%s runs Python from %s, but %s %s", [
			_setting(source.server),
			sources.shown(source.text),
			source.revision.name,
			_moves(revision),
		]),
		"path": source.revision.path,
		"remedy": sprintf("Set %s to the commit whose code was read, 40 digits from 0-9 and a-f.", [source.revision.name]),
		"related": [_switch(source.server)],
	}
}

deny contains row if {
	some source in _running
	source.role == "model"
	sources.repository(source.text)
	code := _code_revision(source.server)
	revision := code.text
	not sources.is_commit(revision)
	row := {
		"msg": sprintf("%s runs Python that the config.json of %s may fetch from elsewhere, but %s %s", [
			_setting(source.server),
			sources.shown(source.text),
			code.name,
			_moves(revision),
		]),
		"path": code.path,
		"remedy": sprintf(
			"Set %s to the commit whose code was read: that of the repository in auto_map, else the one of %s.",
			[code.name, source.revision.name],
		),
		"related": [_switch(source.server)],
	}
}

deny contains row if {
	some source in _running
	place := source.text
	startswith(place, "oci://")
	not _has_digest(place)
	row := {
		"msg": sprintf("%s runs Python from %s, an image whose tag can be moved", [_setting(source.server), sources.shown(place)]),
		"path": source.path,
		"remedy": "Add the digest of the image whose code was read: @sha256:...",
		"related": [_switch(source.server)],
	}
}

# A model without a place, in a pod: the image decides.
deny contains row if {
	some server in serving.servers(input)
	_trusts(server)
	count(_places(server)) == 0
	row := {
		"msg": sprintf("%s runs Python from a model that is not named here", [_setting(server)]),
		"path": _switch(server).path,
		"remedy": sprintf("Remove %s, or name the model and its commits.", [_setting(server)]),
	}
}

deny contains row if {
	some server in serving.servers(input)
	_trusts(server)
	allowed := object.get(_parameters, "allowed", null)
	not _is_usable(allowed)
	row := parameters.unusable("security.remote_code", "allowed", allowed, "a list of paths such as s3://company-models/reviewed/")
}

# Nothing but the path can say which copy was read; that nobody overwrites it, the store has to see to.
warn contains row if {
	some source in _running
	place := source.text
	not sources.repository(place)
	not startswith(place, "oci://")
	not _names_a_copy(place)
	row := {
		"msg": sprintf("%s runs Python from %s, and nothing says that its code is the one that was read", [
			_setting(source.server),
			sources.shown(place),
		]),
		"path": source.path,
		"remedy": "Put the reviewed copy under a path that holds its commit, as in .../<40 digits from 0-9 and a-f>/, and name that.",
		"related": [_switch(source.server)],
	}
}

_parameters := parameters.of(input, "security.remote_code")

_is_usable(null) := true

_is_usable(allowed) if {
	is_array(allowed)
	every outer in allowed {
		sources.parse(outer)
	}
}

# Places whose code a server runs: with a model's repository also its tokenizer's and its draft model's.
_running := [source |
	some source in sources.of(input)
	source.role in {"model", "tokenizer", "configuration", "draft model"}
	_trusts(source.server)
]

_places(server) := [source | some source in _running; source.server == server]

# vLLM's parser completes what is shortened.
_trusts(server) if {
	some name in _names(server)
	_is_on(serving.setting(server, name))
}

_is_on(true) := true

# A value that is neither is true for a program that reads text.
_is_on(value) if is_string(value)

_names(server) := [name |
	some name, _ in server.settings
	startswith(name, "trust")
	startswith("trust_remote_code", name)
]

_setting(server) := serving.setting_name(server, "trust_remote_code")

_switch(server) := {"msg": "here code is trusted", "path": serving.setting_path(server, name)} if name := _names(server)[0]

_is_allowed(source) if {
	some outer in values.list(_parameters.allowed)
	sources.within(source.text, outer)
}

_nobody := "which is not among the allowed paths" if {
	count(values.list(_parameters.allowed)) > 0
} else := "and this environment allows that to nobody"

_moves("") := "is not set, so it is the newest"

_moves(revision) := sprintf("is %s, which is no commit and can be moved", [values.shown(revision)]) if revision != ""

_code_revision(server) := {
	"name": name,
	"text": object.get(object.get(server.settings, "code_revision", {}), "value", ""),
	"path": _code_path(server),
} if {
	name := _code_name(server)
}

_code_name(server) := "codeRevision" if {
	server.kind == "ModelDeployment"
} else := "--code-revision"

_code_path(server) := server.settings.code_revision.path if {
	is_array(server.settings.code_revision.path)
} else := ["spec", "model", "codeRevision"] if {
	server.kind == "ModelDeployment"
} else := serving.setting_path(server, "code_revision")

_has_digest(place) if regex.match(`@sha256:[0-9a-f]{64}$`, place)

_names_a_copy(place) if regex.match(`(^|[/@:._-])([0-9a-f]{40}|[0-9a-f]{64})([/._-]|$)`, place)
