# METADATA
# title: Replicas of model servers
# description: Probes, resources, volumes and mounts of one replica, the same way for a ModelDeployment and for a pod.
package ployd.lib.replica

import data.ployd.lib.duration
import data.ployd.lib.numbers
import data.ployd.lib.quantity
import data.ployd.lib.values

# Kubernetes' own defaults of a probe (k8s.io/kubernetes pkg/apis/core/v1/defaults.go); 0 is as good as unset there.
_probe_defaults := {"periodSeconds": 10, "failureThreshold": 3}

# Fields of a ModelDeployment that stand for a resource of its container.
_fields := {
	"limits": {"cpu": ["cpu", "limits"], "memory": ["memory", "limits"], "ephemeral-storage": ["ephemeralStorage"]},
	"requests": {"cpu": ["cpu", "requests"], "memory": ["memory", "requests"], "ephemeral-storage": ["ephemeralStorage"]},
}

# Where the pod specification is that a server's container stands in. Undefined for a ModelDeployment, which has none.
pod_path(server) := array.slice(server.path, 0, count(server.path) - 2) if {
	server.kind != "ModelDeployment"
	is_array(server.path)
	count(server.path) > 2
}

pod(document, server) := found if {
	is_object(document.request.object)
	found := object.get(document.request.object, pod_path(server), null)
	is_object(found)
}

container(document, server) := found if {
	[list, position] := array.slice(server.path, count(pod_path(server)), count(server.path))
	found := pod(document, server)[list][position]
	is_object(found)
}

# The specification of a ModelDeployment.
specification(document, server) := found if {
	server.kind == "ModelDeployment"
	found := document.request.object.spec
	is_object(found)
}

# Undefined where there is no such probe.
probe(document, server, name) := found if {
	found := specification(document, server).health[name]
	is_object(found)
}

probe(document, server, name) := found if {
	found := container(document, server)[name]
	is_object(found)
}

# Where a probe is, or would be, written.
probe_path(server, name) := ["spec", "health", name] if {
	server.kind == "ModelDeployment"
} else := array.concat(server.path, [name])

# A probe's field, with Kubernetes' default where it is not set.
period(found) := _probe_number(found, "periodSeconds")

attempts(found) := _probe_number(found, "failureThreshold")

initial_delay(found) := delay if {
	delay := numbers.natural(found.initialDelaySeconds)
} else := 0

# Seconds of failures after which a probe gives up.
patience(found) := initial_delay(found) + (period(found) * attempts(found))

# The same as people read it: 3 x 10 s, with what comes before.
patience_shown(found) := sprintf("%v x %v s", [attempts(found), period(found)]) if {
	initial_delay(found) == 0
} else := sprintf("%v s + %v x %v s", [initial_delay(found), attempts(found), period(found)])

# A resource as it is written, of "requests" or "limits". Undefined where it is not set.
resource(document, server, part, name) := value if {
	value := object.get(specification(document, server), array.concat(["resources"], _fields[part][name]), null)
	value != null
}

resource(document, server, part, name) := value if {
	value := object.get(container(document, server), ["resources", part, name], null)
	value != null
}

resource_path(server, part, name) := array.concat(["spec", "resources"], _fields[part][name]) if {
	server.kind == "ModelDeployment"
} else := array.concat(server.path, ["resources", part, name])

# A resource as people name it here.
resource_name(server, part, name) := concat(".", array.slice(resource_path(server, part, name), 1, 5)) if {
	server.kind == "ModelDeployment"
} else := sprintf("resources.%s.%s", [part, name])

# The mounts of a server's container: {"folder", "readOnly", "path", "volume", "volumePath", "name"}. A volume that the
# pod does not name (a StatefulSet's claim) is empty.
mounts(document, server) := [found |
	some position, mount in values.list(container(document, server).volumeMounts)
	is_object(mount)
	is_string(mount.mountPath)
	place := _volume(document, server, object.get(mount, "name", null))
	found := {
		"folder": trim_right(mount.mountPath, "/"),
		"readOnly": object.get(mount, "readOnly", false) == true,
		"path": array.concat(server.path, ["volumeMounts", position]),
		"volume": place.volume,
		"volumePath": place.path,
		"name": place.name,
	}
]

# The mount a folder of the container lies on: the innermost one. Undefined where it lies on the image itself.
mount_of(mounted, folder) := found if {
	is_string(folder)
	startswith(folder, "/")
	around := [mount | some mount in mounted; _lies_in(trim_right(folder, "/"), mount.folder)]
	longest := max([count(mount.folder) | some mount in around])
	found := [mount | some mount in around; count(mount.folder) == longest][0]
}

in_memory(volume) if volume.emptyDir.medium == "Memory"

# Bytes of memory that the volumes of a server may take of its limit, as far as they have one.
memory_volumes(document, server) := sum([size | some size in _memory_sizes(document, server)])

# A number of GiB as people read it.
gib(amount) := sprintf("%v", [round(amount * 10) / 10])

bytes_per_gib := 1073741824

# A number of GPUs as people read it.
gpus(number) := "1 GPU" if {
	number == 1
} else := sprintf("%v GPUs", [number])

# Seconds as people read them.
seconds(amount) := duration.shown(ceil(amount))

_probe_number(found, field) := number if {
	number := numbers.positive(found[field])
} else := _probe_defaults[field]

_volume(document, server, name) := found if {
	some position, volume in values.list(pod(document, server).volumes)
	is_object(volume)
	is_string(name)
	volume.name == name
	_first(document, server, name) == position
	found := {"volume": volume, "path": array.concat(pod_path(server), ["volumes", position]), "name": sprintf("volume %s", [name])}
} else := {"volume": {}, "path": array.concat(server.path, ["volumeMounts"]), "name": "its volume"}

_first(document, server, name) := min([position |
	some position, volume in values.list(pod(document, server).volumes)
	volume.name == name
])

_lies_in(folder, around) if folder == around

_lies_in(folder, around) if startswith(folder, sprintf("%s/", [around]))

# Each volume counts once, however often it is mounted.
_memory_sizes(document, server) := {mount.volumePath: size |
	some mount in mounts(document, server)
	in_memory(mount.volume)
	size := _size(mount.volume.emptyDir.sizeLimit)
} if {
	server.kind != "ModelDeployment"
} else := {"sharedMemory": size} if {
	size := _size(specification(document, server).resources.sharedMemory)
} else := {}

# Bytes; more than a pebibyte of memory is a typing error.
_size(written) := amount if {
	amount := quantity.amount(written)
	amount > 0
	amount < 1125899906842624
}
