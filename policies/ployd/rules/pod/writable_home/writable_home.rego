# METADATA
# title: A model server has a user and folders it can write to
# description: >-
#   vLLM, Triton and the hub client write caches below HOME, Python needs a temporary folder, and PyTorch asks for the user's
#   name. The image of vLLM is made for root: as another user HOME is / and nothing there can be written, with a read-only
#   root filesystem nothing outside of volumes can, and a user the image does not know has no name. Each of them ends the
#   server while it starts. Of an image of your own only what its securityContext and env say is judged.
# related_resources:
# - ref: https://github.com/kserve/kserve/issues/5666
#   description: The image names no user, and another user id fails in getpwuid
# - ref: https://github.com/vllm-project/vllm/issues/44548
#   description: PyTorch asks for the user's name before vLLM starts; a user id without a name ends it
# - ref: https://github.com/vllm-project/vllm/pull/40275
#   description: The user 2000 and the home that newer images have, for it and for the group 0
# - ref: https://github.com/vllm-project/vllm/pull/38552
#   description: Which variables move which cache
# - ref: https://github.com/kserve/kserve/pull/5302
#   description: With a read-only root filesystem /tmp has to be a volume
# custom:
#   severity: error
#   scope: object
#   level: basic
#   kinds:
#   - Pod
#   - PodTemplate
#   - ReplicationController
#   - DaemonSet
#   - Deployment
#   - ReplicaSet
#   - StatefulSet
#   - CronJob
#   - Job
#   remedy: Set HOME to a folder on an emptyDir, USER to any name, and mount an emptyDir at /tmp.
#   prevents: "PermissionError: [Errno 13] Permission denied: '/.config'"
package ployd.rules.pod.writable_home

import data.ployd.lib.image
import data.ployd.lib.numbers
import data.ployd.lib.parameters
import data.ployd.lib.replica
import data.ployd.lib.serving
import data.ployd.lib.values
import data.ployd.lib.version

deny contains row if {
	some server in _servers
	_is_stock(server)
	_effective(server, "runAsNonRoot") == true
	not _has_user(server)
	row := {
		"msg": sprintf("%s must not run as root, but %s has no other user and runAsUser is not set: it is not started", [
			server.owner,
			_image_name(server),
		]),
		"path": array.concat(replica.pod_path(server), ["securityContext", "runAsUser"]),
		"remedy": sprintf("Set runAsUser to %v, and HOME to a folder on an emptyDir.", [_parameters.homeUser]),
	}
}

# Where nothing but the configuration is affected vLLM goes on without it.
deny contains row if {
	some loss in _losses
	some folder in loss.lost
	folder.needed
	row := _homeless(loss.server, loss.lost)
}

deny contains row if {
	some server in _servers
	_is_read_only(server)
	not _has_temporary(server)
	row := {
		"msg": sprintf("%s has a read-only root filesystem and no temporary folder: none of %s is on a writable volume", [
			server.owner,
			concat(", ", [folder | some folder in _temporary(server); folder != ""]),
		]),
		"path": array.concat(server.path, ["volumeMounts"]),
		"remedy": "Mount an emptyDir at /tmp.",
	}
}

deny contains row if {
	some server in _servers
	_is_stock(server)
	version.at_least(server.version.text, _parameters.nameFrom)
	version.below(server.version.text, _parameters.nameUntil)
	user := _user(server)
	not _has_name(server, user)
	row := {
		"msg": sprintf("%s runs as user %d, which %s %s does not know, and USER is not set: PyTorch asks for its name and fails", [
			server.owner,
			user,
			_image_name(server),
			server.version.text,
		]),
		"path": array.concat(server.path, ["env"]),
		"remedy": "Set USER to any name, as in USER=vllm.",
	}
}

deny contains row if {
	count(_servers) > 0
	some name, wanted in _wanted
	value := object.get(_parameters, name, null)
	not _is_usable(name, value)
	row := parameters.unusable("pod.writable_home", name, value, wanted)
}

warn contains row if {
	some loss in _losses
	count(loss.lost) > 0
	every folder in loss.lost {
		not folder.needed
	}
	row := _homeless(loss.server, loss.lost)
}

_homeless(server, lost) := {
	"msg": sprintf("%s cannot write to %s: %s", [
		server.owner,
		concat(", ", {folder.path | some folder in lost}),
		concat(", ", array.concat(_reasons(server), [_home_shown(server)])),
	]),
	"path": _home_path(server),
	"remedy": "Set HOME to a folder on an emptyDir, as in HOME=/cache with an emptyDir mounted at /cache.",
}

_parameters := parameters.of(input, "pod.writable_home")

_wanted := {
	"rootImages": "a list of names of images",
	"homeFrom": "a version, as in \"1.2.3\"",
	"homeUser": "a whole number",
	"homePath": "a path",
	"nameFrom": "a version, as in \"1.2.3\"",
	"nameUntil": "a version, as in \"1.2.3\"",
}

_is_usable("rootImages", value) if is_array(value)

_is_usable("homeUser", value) if numbers.natural(value) >= 0

_is_usable("homePath", value) if {
	is_string(value)
	startswith(value, "/")
}

_is_usable(name, value) if {
	name in {"homeFrom", "nameFrom", "nameUntil"}
	version.at_least("99999.0", value)
}

# Servers in pods; the platform makes the pods of a ModelDeployment.
# With what is asked of them again and again: an engine computes a function anew at each call.
_servers := [object.union(server, found) |
	some server in serving.servers(input)
	found := {
		"container": replica.container(input, server),
		"pod": replica.pod(input, server),
		"mounts": replica.mounts(input, server),
	}
]

_losses := [{"server": server, "lost": _lost(server)} | some server in _servers]

_context(carrier) := carrier.securityContext if {
	is_object(carrier.securityContext)
} else := {}

# What the container says, else what its pod says.
_effective(server, field) := value if {
	value := object.get(_context(server.container), field, null)
	value != null
} else := object.get(_context(server.pod), field, null)

_user(server) := numbers.natural(_effective(server, "runAsUser"))

_has_user(server) if _user(server) >= 0

_is_read_only(server) if _context(server.container).readOnlyRootFilesystem == true

# Root, as far as anybody can tell.
_is_root(server) if _user(server) == 0

_is_root(server) if {
	_is_stock(server)
	not _has_user(server)
	not _refuses_root(server)
}

_refuses_root(server) if _effective(server, "runAsNonRoot") == true

_image_name(server) := image.parse(server.version.image).name

# Also as a mirror names it.
_is_stock(server) if {
	some name in values.list(_parameters.rootImages)
	is_string(name)
	_is_named(_image_name(server), name)
}

_is_named(found, name) if found == name

_is_named(found, name) if endswith(found, sprintf("/%s", [name]))

_has_home(server) if {
	_is_stock(server)
	version.at_least(server.version.text, _parameters.homeFrom)
}

_in_group_root(server) if _effective(server, "runAsGroup") in {null, 0}

_in_group_root(server) if _effective(server, "fsGroup") == 0

_in_group_root(server) if 0 in values.list(_effective(server, "supplementalGroups"))

# Variables that may come from elsewhere: nobody here knows whether they are set.
_is_open(server, _) if count(values.list(server.container.envFrom)) > 0

_is_open(server, name) if {
	some list in ["command", "args"]
	some word in values.list(server.container[list])
	is_string(word)
	contains(word, sprintf("%s=", [name]))
}

_is_open(server, name) if {
	server.environment[name]
	value := server.environment[name].value
	not is_string(value)
}

_variable(server, name) := value if {
	value := server.environment[name].value
	is_string(value)
	value != ""
}

_is_set(server, name) if _variable(server, name)

_is_set(server, name) if _is_open(server, name)

# HOME as the container gets it. Undefined where nobody here knows it.
_home(server) := _variable(server, "HOME")

_home(server) := path if {
	not _is_set(server, "HOME")
	path := _default_home(server)
}

# What a container runtime reads from /etc/passwd of the image.
_default_home(server) := "/root" if {
	_is_stock(server)
	_is_root(server)
} else := _parameters.homePath if {
	_has_home(server)
	_user(server) == _parameters.homeUser
} else := "/" if {
	_is_stock(server)
	_user(server) > 0
}

_home_shown(server) := sprintf("HOME is %s", [_variable(server, "HOME")]) if {
	_variable(server, "HOME")
} else := "HOME comes from elsewhere" if {
	_is_set(server, "HOME")
} else := "HOME is not set"

_home_path(server) := path if {
	path := server.environment.HOME.path
} else := array.concat(server.path, ["env"])

_reasons(server) := ["its root filesystem is read-only"] if {
	_is_read_only(server)
} else := [sprintf("it runs as user %d", [_user(server)])] if {
	_user(server) > 0
} else := []

# What is written, the first set variable deciding where: vllm/envs.py, triton/knobs.py, huggingface_hub/constants.py.
_writes := [
	{"needed": true, "places": [["VLLM_CACHE_ROOT", ""], ["XDG_CACHE_HOME", "/vllm"], ["HOME", "/.cache/vllm"]]},
	{"needed": true, "places": [["TRITON_CACHE_DIR", ""], ["TRITON_HOME", "/.triton"], ["HOME", "/.triton"]]},
	{"needed": false, "places": [["VLLM_CONFIG_ROOT", ""], ["XDG_CONFIG_HOME", "/vllm"], ["HOME", "/.config/vllm"]]},
]

# Folders that are written to and surely cannot be: {"path", "needed"}.
_lost(server) := {folder |
	some write in _writes
	path := _resolved(server, write.places)
	_cannot_write(server, path)
	folder := {"path": path, "needed": write.needed}
}

_resolved(server, places) := path if {
	set := [place | some place in places; _is_set(server, place[0])]
	path := sprintf("%s%s", [_variable(server, set[0][0]), set[0][1]])
} else := path if {
	count([place | some place in places; _is_set(server, place[0])]) == 0
	path := sprintf("%s%s", [trim_right(_home(server), "/"), places[2][1]])
}

_cannot_write(server, path) if {
	mount := replica.mount_of(server.mounts, path)
	not _is_writable(mount)
}

_cannot_write(server, path) if {
	startswith(path, "/")
	not _is_mounted(server, path)
	_image_refuses(server, path)
}

_is_mounted(server, path) if replica.mount_of(server.mounts, path)

_is_writable(mount) if {
	not mount.readOnly
	every source in ["configMap", "secret", "projected", "downwardAPI", "image"] {
		object.get(mount.volume, source, null) == null
	}
	object.get(mount.volume, ["persistentVolumeClaim", "readOnly"], false) != true
}

# Folders of the image itself. /dev is made by the container runtime.
_image_refuses(server, path) if {
	_is_read_only(server)
	not startswith(path, "/dev/")
}

_image_refuses(server, path) if {
	not _is_read_only(server)
	_is_stock(server)
	_user(server) > 0
	not _is_for_all(path)
	not _is_own_home(server, path)
}

_is_for_all(path) if {
	some folder in ["/tmp", "/var/tmp", "/dev/shm"]
	startswith(sprintf("%s/", [path]), sprintf("%s/", [folder]))
}

_is_own_home(server, path) if {
	_has_home(server)
	startswith(sprintf("%s/", [path]), sprintf("%s/", [_parameters.homePath]))
	_owns_home(server)
}

_owns_home(server) if _user(server) == _parameters.homeUser

_owns_home(server) if _in_group_root(server)

# Where Python's tempfile looks, in its order.
_temporary(server) := array.concat(
	[_variable(server, name) | some name in ["TMPDIR", "TEMP", "TMP"]],
	["/tmp", "/var/tmp", "/usr/tmp", _working_folder(server)],
)

_working_folder(server) := folder if {
	folder := server.container.workingDir
	is_string(folder)
} else := ""

_has_temporary(server) if {
	some folder in _temporary(server)
	_is_writable(replica.mount_of(server.mounts, folder))
}

_has_temporary(server) if {
	some name in ["TMPDIR", "TEMP", "TMP"]
	_is_open(server, name)
}

# Users that the image knows, and those whose name is said.
_has_name(_, 0) := true

_has_name(server, user) if {
	_has_home(server)
	user == _parameters.homeUser
}

# In the order of Python's getpass.getuser.
_has_name(server, _) if {
	some name in ["LOGNAME", "USER", "LNAME", "USERNAME"]
	_is_set(server, name)
}
