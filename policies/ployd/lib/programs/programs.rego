# METADATA
# title: Programs
# description: What every container of a workload, and the server of a ModelDeployment, is started with; variables and arguments.
package ployd.lib.programs

import data.ployd.lib.kinds
import data.ployd.lib.values
import data.ployd.lib.workload

# {"owner", "variables": [{"name", "text", "path"}], "arguments": [{"text", "path"}]}, each with its value as it is written.
# Values that come from elsewhere are not there.
of(request) := array.concat(_containers(request), _deployed(request))

_containers(request) := [program |
	base := workload.pod_path(request)
	some container in workload.containers(workload.pod(request))
	path := array.concat(base, container.path)
	lists := [_texts(object.get(container.value, field, null), array.concat(path, [field])) | some field in ["command", "args"]]
	program := {
		"owner": container.name,
		"variables": _variables(object.get(container.value, "env", null), array.concat(path, ["env"])),
		"arguments": array.concat(lists[0], lists[1]),
	}
]

_deployed(request) := [program |
	kinds.is_ployd(request, "ModelDeployment")
	model := request.object.spec.model
	is_object(model)
	path := ["spec", "model"]
	program := {
		"owner": "the model server",
		"variables": _variables(object.get(model, "env", null), array.concat(path, ["env"])),
		"arguments": _texts(_extra(model), array.concat(path, ["vllm", "extraArgs"])),
	}
]

_extra(model) := object.get(model.vllm, "extraArgs", null) if {
	is_object(model.vllm)
} else := null

_variables(list, path) := [variable |
	some position, entry in values.list(list)
	is_string(entry.name)
	is_string(entry.value)
	variable := {"name": entry.name, "text": entry.value, "path": array.concat(path, [position, "value"])}
]

_texts(list, path) := [{"text": text, "path": array.concat(path, [position])} |
	some position, text in values.list(list)
	is_string(text)
]
