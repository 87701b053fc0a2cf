# METADATA
# title: Model sources
# description: Where model servers read models, tokenizers and adapters from, and whether one such place lies within another.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/blob/main/vllm/engine/arg_utils.py
#   description: The settings that name a model, its tokenizer, a draft model and adapters
package ployd.lib.sources

import data.ployd.lib.kinds
import data.ployd.lib.serving

# Every place the object's servers read from:
#   {"role", "name" of the setting, "text", "path", "server" or {}, "revision": {"name", "text" or "", "path"}}
# The model of a ModelDeployment is there whatever its framework; a revision is {} where the setting cannot have one.
of(document) := array.concat(_deployed(document), [source |
	some server in serving.servers(document)
	some source in _read(server)
])

# {"scheme", "steps"} of a place that is written plainly; a name of the Hugging Face hub has scheme hf, a folder none.
# Undefined for what a reader could take for another place: steps back, user names, escapes, queries, other capitals.
parse(text) := place if {
	_is_plain(text)
	place := _place(text)
}

_place(text) := {"scheme": "", "steps": _steps(trim_left(text, "/"))} if {
	startswith(text, "/")
}

_place(text) := {"scheme": "hf", "steps": steps} if {
	regex.match(`^[A-Za-z0-9][A-Za-z0-9._-]*(/|$)`, text)
	steps := _steps(text)
	count(steps) < 3
}

_place(text) := {"scheme": scheme, "steps": steps} if {
	regex.match(`^[a-z][a-z0-9+.-]*://`, text)
	[scheme, rest] := [substring(text, 0, indexof(text, ":")), substring(text, indexof(text, "://") + 3, -1)]
	steps := _steps(rest)
	not _names_user(steps)
}

# A place is within another, step for step: s3://models-evil is not within s3://models.
within(text, outer) if {
	inside := parse(text)
	around := parse(outer)
	inside.scheme == around.scheme
	array.slice(_bare(inside), 0, count(around.steps)) == _bare(around)
}

# A place as a message may show it: a user name may have its password beside it.
shown(text) := regex.replace(text, `//[^/]*@`, "//...@")

# owner/name on the Hugging Face hub, however it is written there. Undefined for what is elsewhere.
repository(text) := concat("/", [regex.replace(step, `[:@].*$`, "") | some step in array.slice(place.steps, 0, 2)]) if {
	place := parse(text)
	place.scheme == "hf"
}

# A commit of Git: only this names the same files tomorrow.
is_commit(text) if {
	is_string(text)
	regex.match(`^[0-9a-f]{40}$`, text)
}

_deployed(document) := [{
	"role": "model",
	"name": "path",
	"text": model.path,
	"path": ["spec", "model", "path"],
	"server": server,
	"revision": {
		"name": "revision",
		"text": _text(object.get(model, "revision", "")),
		"path": ["spec", "model", "revision"],
	},
}] if {
	kinds.is_ployd(document.request, "ModelDeployment")
	model := document.request.object.spec.model
	is_string(model.path)
	server := _first(serving.servers(document))
} else := []

_first(servers) := servers[0] if {
	count(servers) > 0
} else := {}

_read(server) := [source |
	some [role, setting, revision] in _settings
	is_object(server.settings[setting])
	not _is_deployed(server, setting)
	text := _named(role, object.get(server.settings[setting], "value", null))
	source := {
		"role": role,
		"name": serving.setting_name(server, setting),
		"text": text,
		"path": serving.setting_path(server, setting),
		"server": server,
		"revision": _revision(server, role, setting, revision),
	}
]

# Settings that name a place, and the setting that pins it. A draft model's revision stands beside its name.
_settings := [
	["model", "model", "revision"],
	["tokenizer", "tokenizer", "tokenizer_revision"],
	["configuration", "hf_config_path", "revision"],
	["draft model", "speculative_config", ""],
	["draft model", "speculative_config.model", "speculative_config.revision"],
	["draft model", "speculative_model", "speculative_model_revision"],
	["draft model", "spec_model", ""],
	["adapter", "lora_modules", ""],
]

# The model of a ModelDeployment is its path.
_is_deployed(server, "model") if server.kind == "ModelDeployment"

_named(role, value) := value if {
	role != "adapter"
	is_string(value)
	not startswith(value, "{")
	value != ""
}

_named("draft model", value) := _json(value).model if is_string(_json(value).model)

# name=place, or as JSON.
_named("adapter", value) := substring(value, indexof(value, "=") + 1, -1) if {
	is_string(value)
	not startswith(value, "{")
	contains(value, "=")
}

_named("adapter", value) := _json(value).path if is_string(_json(value).path)

_json(value) := value if is_object(value)

_json(value) := json.unmarshal(value) if {
	is_string(value)
	startswith(value, "{")
	json.is_valid(value)
}

_revision(_, "adapter", _, _) := {}

_revision(server, "draft model", setting, "") := {
	"name": "its revision",
	"text": _text(object.get(_json(server.settings[setting].value), "revision", "")),
	"path": serving.setting_path(server, setting),
} if {
	_json(server.settings[setting].value)
} else := {"name": "its revision", "text": "", "path": serving.setting_path(server, setting)}

_revision(server, role, _, revision) := {
	"name": _revision_name(server, pinning),
	"text": _text(object.get(object.get(server.settings, pinning, {}), "value", "")),
	"path": _revision_path(server, pinning),
} if {
	revision != ""
	pinning := _pinning(server, role, revision)
}

# A tokenizer without a revision of its own has the model's.
_pinning(server, "tokenizer", own) := own if {
	_is_written(server, own)
} else := "revision" if {
	_is_written(server, "revision")
} else := own

_pinning(_, role, own) := own if role != "tokenizer"

_is_written(server, setting) if _text(server.settings[setting].value) != ""

_revision_name(server, setting) := setting if {
	server.kind == "ModelDeployment"
	setting == "revision"
} else := sprintf("--%s", [replace(setting, "_", "-")])

# What has no field in a ModelDeployment is an argument.
_revision_path(server, setting) := server.settings[setting].path if {
	is_array(server.settings[setting].path)
} else := ["spec", "model", "revision"] if {
	server.kind == "ModelDeployment"
	setting == "revision"
} else := ["spec", "model", "vllm", "extraArgs"] if {
	server.kind == "ModelDeployment"
} else := serving.setting_path(server, setting)

_text(value) := value if {
	is_string(value)
} else := sprintf("%v", [value]) if {
	is_number(value)
} else := ""

_is_plain(text) if {
	is_string(text)
	count(text) <= 2048
	regex.match(`^[A-Za-z0-9._~:/@+=,-]+$`, text)
	not _steps_back(text)
}

_steps_back(text) if regex.match(`(^|/)\.{1,2}(/|$)`, text)

# One slash may end a place; an empty step between is another place for some readers.
_steps("") := []

_steps(text) := steps if {
	text != ""
	steps := split(trim_suffix(text, "/"), "/")
	every step in steps {
		step != ""
	}
}

_names_user(steps) if contains(steps[0], "@")

# Of images and of the hub a place is the name; tag, digest and revision are which one of it.
_bare(place) := place.steps if not place.scheme in {"oci", "hf"}

_bare(place) := [_without(step, position) | some position, step in place.steps] if place.scheme in {"oci", "hf"}

# A registry has its port behind a colon.
_without(step, position) := regex.replace(step, `[:@].*$`, "") if {
	position > 0
} else := step
