# METADATA
# title: Model servers
# description: The vLLM servers of an object as capacity found them, whatever the kind, and what is written about each.
package ployd.lib.serving

import data.ployd.lib.values

# Every server of the object: of a ModelDeployment one, of a pod one for each container that runs vLLM.
servers(document) := [server |
	some server in values.list(document.ployd.capacity.servers)
	is_object(server)
] if {
	is_object(document.ployd.capacity)
} else := []

# The value written for a setting. Undefined where it is not written.
setting(server, name) := server.settings[name].value

# Where a setting is, or would be, written.
setting_path(server, name) := path if {
	path := server.settings[name].path
} else := array.concat(server.path, ["vllm", name]) if {
	server.kind == "ModelDeployment"
} else := array.concat(server.path, ["args"])

# A setting as people write it here: the field of a ModelDeployment, or the flag of a command line.
setting_name(server, name) := name if {
	server.kind == "ModelDeployment"
} else := sprintf("--%s", [replace(name, "_", "-")])

# Compute capability as NVIDIA writes it: 7.0.
capability(pair) := sprintf("%d.%d", [pair[0], pair[1]])

# A list as a sentence has it: 1, 2 or 4.
either(items) := "" if {
	count(items) == 0
} else := sprintf("%v", [items[0]]) if {
	count(items) == 1
} else := sprintf("%s or %v", [
	concat(", ", [sprintf("%v", [item]) | some item in array.slice(items, 0, count(items) - 1)]),
	items[count(items) - 1],
])
