package ployd.rules.pod.writable_home_test

import data.ployd.rules.pod.writable_home as rule

_parameters := {
	"rootImages": ["vllm/vllm-openai"],
	"homeFrom": "0.22.0",
	"homeUser": 2000,
	"homePath": "/home/vllm",
	"nameFrom": "0.20.0",
	"nameUntil": "0.27.0",
}

_container := ["spec", "containers", 0]

_input(specification, image, text, environment) := {
	"request": {"kind": {"group": "", "kind": "Pod"}, "object": {"spec": specification}},
	"ployd": {
		"parameters": {"pod.writable_home": _parameters},
		"capacity": {"servers": [{
			"owner": "container vllm",
			"kind": "Pod",
			"path": _container,
			"version": {"text": text, "image": image, "path": array.concat(_container, ["image"])},
			"environment": {name: {"value": value, "path": array.concat(_container, ["env", 0])} | some name, value in environment},
		}]},
	},
}

_stock := "registry.example.com/vllm/vllm-openai:v0.19.1"

_pod(security, container, environment) := _input(
	{
		"securityContext": security,
		"containers": [container],
		"volumes": [
			{"name": "cache", "emptyDir": {}},
			{"name": "models", "persistentVolumeClaim": {"claimName": "a", "readOnly": true}},
			{"name": "settings", "configMap": {"name": "a"}},
		],
	},
	_stock,
	"0.19.1",
	environment,
)

_user := {"runAsUser": 2000, "runAsNonRoot": true}

_read_only := {"securityContext": {"readOnlyRootFilesystem": true}}

_mounting(folder) := {"volumeMounts": [{"name": "cache", "mountPath": folder}]}

_as_user(text, user, environment) := _input(
	{"securityContext": {"runAsUser": user}, "containers": [{}]},
	"vllm/vllm-openai:v0",
	text,
	environment,
)

_newest(security, environment) := _input(
	{"securityContext": security, "containers": [{}]},
	"vllm/vllm-openai:v0.33.0",
	"0.33.0",
	environment,
)

_messages(rows) := {row.msg | some row in rows}

test_denies_a_user_without_a_home if {
	rows := rule.deny with input as _pod(_user, {}, {})
	rows == {{
		"msg": "container vllm cannot write to /.cache/vllm, /.config/vllm, /.triton: it runs as user 2000, HOME is not set",
		"path": array.concat(_container, ["env"]),
		"remedy": "Set HOME to a folder on an emptyDir, as in HOME=/cache with an emptyDir mounted at /cache.",
	}}
}

test_denies_a_home_that_cannot_be_written if {
	asked := _pod(_user, {"volumeMounts": [{"name": "models", "mountPath": "/models"}, {"name": "settings", "mountPath": "/settings"}]}, {})
	every home in ["/models", "/settings/home", "/home/vllm", "/root", "/opt"] {
		written := json.patch(asked, [{"op": "add", "path": "/ployd/capacity/servers/0/environment/HOME", "value": {"value": home, "path": ["here"]}}])
		rows := rule.deny with input as written
		_messages(rows) == {sprintf("container vllm cannot write to %s/.cache/vllm, %s/.config/vllm, %s/.triton: it runs as user 2000, HOME is %s", [
			home,
			home,
			home,
			home,
		])}
		{row.path | some row in rows} == {["here"]}
	}
	as_root := rule.deny with input as _pod({}, {"volumeMounts": [{"name": "models", "mountPath": "/models"}]}, {"HOME": "/models"})
	_messages(as_root) == {"container vllm cannot write to /models/.cache/vllm, /models/.config/vllm, /models/.triton: HOME is /models"}
	read_only := {"volumeMounts": [{"name": "cache", "mountPath": "/cache", "readOnly": true}]}
	rows := rule.deny with input as _pod(_user, read_only, {"HOME": "/cache"})
	count(rows) == 1
}

test_denies_a_read_only_root_filesystem_without_volumes if {
	rows := rule.deny with input as _pod({}, _read_only, {})
	rows == {
		{
			"msg": concat("", [
				"container vllm cannot write to /root/.cache/vllm, /root/.config/vllm, /root/.triton: ",
				"its root filesystem is read-only, HOME is not set",
			]),
			"path": array.concat(_container, ["env"]),
			"remedy": "Set HOME to a folder on an emptyDir, as in HOME=/cache with an emptyDir mounted at /cache.",
		},
		{
			"msg": concat("", [
				"container vllm has a read-only root filesystem and no temporary folder: ",
				"none of /tmp, /var/tmp, /usr/tmp is on a writable volume",
			]),
			"path": array.concat(_container, ["volumeMounts"]),
			"remedy": "Mount an emptyDir at /tmp.",
		},
	}
}

test_denies_a_pod_that_is_never_started if {
	rows := rule.deny with input as _pod({"runAsNonRoot": true}, {}, {"HOME": "/tmp"})
	rows == {{
		"msg": concat("", [
			"container vllm must not run as root, but registry.example.com/vllm/vllm-openai has no other user ",
			"and runAsUser is not set: it is not started",
		]),
		"path": ["spec", "securityContext", "runAsUser"],
		"remedy": "Set runAsUser to 2000, and HOME to a folder on an emptyDir.",
	}}
}

test_denies_a_user_without_a_name if {
	rows := rule.deny with input as _as_user("0.23.0", 1000, {"HOME": "/tmp"})
	rows == {{
		"msg": concat("", [
			"container vllm runs as user 1000, which vllm/vllm-openai 0.23.0 does not know, and USER is not set: ",
			"PyTorch asks for its name and fails",
		]),
		"path": array.concat(_container, ["env"]),
		"remedy": "Set USER to any name, as in USER=vllm.",
	}}
	every text in ["0.20.0", "0.26.1"] {
		unnamed := rule.deny with input as _as_user(text, 1000, {"HOME": "/tmp"})
		count(unnamed) == 1
	}
	every text in ["0.19.1", "0.27.0", ""] {
		silent := rule.deny with input as _as_user(text, 1000, {"HOME": "/tmp"})
		silent == set()
	}
	every environment in [{"USER": "vllm"}, {"LOGNAME": "a"}, {"USERNAME": null}] {
		named := rule.deny with input as _as_user("0.23.0", 1000, object.union(environment, {"HOME": "/tmp"}))
		named == set()
	}
	known := rule.deny with input as _as_user("0.23.0", 2000, {})
	known == set()
	root := rule.deny with input as _as_user("0.23.0", 0, {})
	root == set()
}

test_warns_where_only_the_configuration_is_lost if {
	environment := {"VLLM_CACHE_ROOT": "/cache", "TRITON_HOME": "/cache"}
	rows := rule.warn with input as _pod(_user, _mounting("/cache"), environment)
	_messages(rows) == {"container vllm cannot write to /.config/vllm: it runs as user 2000, HOME is not set"}
	denied := rule.deny with input as _pod(_user, _mounting("/cache"), environment)
	denied == set()
	open := rule.warn with input as _pod(_user, _mounting("/cache"), {"HOME": null, "VLLM_CONFIG_ROOT": "/nowhere"})
	_messages(open) == {"container vllm cannot write to /nowhere: it runs as user 2000, HOME comes from elsewhere"}
}

test_allows_a_home_on_a_volume if {
	every environment in [
		{"HOME": "/cache"},
		{"HOME": "/cache/home"},
		{"XDG_CACHE_HOME": "/cache", "XDG_CONFIG_HOME": "/cache", "TRITON_CACHE_DIR": "/cache/triton"},
		{"HOME": "/tmp"},
		{"HOME": "/dev/shm/home"},
	] {
		rule.deny == set() with input as _pod(_user, _mounting("/cache"), environment)
		rule.warn == set() with input as _pod(_user, _mounting("/cache"), environment)
	}
	whole := object.union(_read_only, {"volumeMounts": [{"name": "cache", "mountPath": "/cache"}, {"name": "cache", "mountPath": "/tmp"}]})
	rule.deny == set() with input as _pod(_user, whole, {"HOME": "/cache"})
	rule.deny == set() with input as _pod({}, object.union(whole, {"volumeMounts": [{"name": "cache", "mountPath": "/"}]}), {})
	rule.deny == set() with input as _pod({}, {}, {})
	rule.deny == set() with input as _pod({"runAsUser": 0, "runAsNonRoot": true}, {}, {})
}

test_allows_any_folder_for_temporary_files if {
	every container in [
		_mounting("/var/tmp"),
		object.union(_mounting("/work"), {"workingDir": "/work/here"}),
		object.union(_mounting("/cache"), {"envFrom": [{"configMapRef": {"name": "a"}}]}),
	] {
		rows := rule.deny with input as _pod({}, object.union(_read_only, container), {"HOME": "/cache"})
		{row | some row in rows; contains(row.msg, "temporary")} == set()
	}
	rows := rule.deny with input as _pod({}, object.union(_read_only, _mounting("/cache")), {"HOME": "/cache", "TMPDIR": "/cache/tmp"})
	rows == set()
}

test_allows_the_home_that_the_image_has if {
	every security in [{"runAsUser": 2000}, {"runAsUser": 2000, "runAsGroup": 3000, "runAsNonRoot": true}] {
		rows := rule.deny with input as _newest(security, {})
		rows == set()
	}
	every security in [
		{"runAsUser": 1000},
		{"runAsUser": 1000, "runAsGroup": 0},
		{"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 0},
		{"runAsUser": 1000, "runAsGroup": 1000, "supplementalGroups": [5, 0]},
	] {
		rows := rule.deny with input as _newest(security, {"HOME": "/home/vllm"})
		rows == set()
	}
	every security in [{"runAsUser": 1000, "runAsGroup": 1000}, {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000}] {
		rows := rule.deny with input as _newest(security, {"HOME": "/home/vllm"})
		count(rows) == 1
	}
	stranger := rule.deny with input as _newest({"runAsUser": 1000}, {})
	_messages(stranger) == {"container vllm cannot write to /.cache/vllm, /.config/vllm, /.triton: it runs as user 1000, HOME is not set"}
}

test_allows_what_nobody_here_can_know if {
	every container in [
		{"envFrom": [{"configMapRef": {"name": "a"}}]},
		{"command": ["sh", "-c", "export HOME=/tmp; exec vllm serve"]},
		{"args": [3, "HOME=/tmp vllm serve"]},
	] {
		rule.deny == set() with input as _pod(_user, container, {})
	}
	rule.deny == set() with input as _pod(_user, {}, {"HOME": null})
	specification := {"securityContext": {"runAsUser": 1000, "runAsNonRoot": true}, "containers": [{}]}
	rule.deny == set() with input as _input(specification, "company/vllm-server:1", "0.23.0", {})
	own := {"securityContext": {"runAsNonRoot": true}, "containers": [{}]}
	rule.deny == set() with input as _input(own, "company/vllm-server:1", "0.23.0", {})
	rule.deny == set() with input as _input(own, "", "", {})
	rule.deny == set() with input as _pod(_user, {"securityContext": {"runAsUser": 0}}, {})
}

test_denies_everything_under_a_parameter_that_cannot_be_used if {
	strange := {
		"rootImages": ["x", null, {}, 3],
		"homeFrom": ["latest", null, 0.22, []],
		"homeUser": ["2000", null, -1, true],
		"homePath": ["home", null, 3, []],
		"nameFrom": ["", null, {}],
		"nameUntil": ["", null, {}],
	}
	every name, strangers in strange {
		every value in strangers {
			asked := json.patch(_pod({}, {}, {}), [{
				"op": "replace",
				"path": sprintf("/ployd/parameters/pod.writable_home/%s", [name]),
				"value": value,
			}])
			rows := rule.deny with input as asked
			{row.path | some row in rows} == {[]}
		}
	}
}

test_is_silent_on_models_other_objects_and_deletions if {
	asked := _pod(_user, _read_only, {})
	model := json.patch(asked, [
		{"op": "replace", "path": "/ployd/capacity/servers/0/kind", "value": "ModelDeployment"},
		{"op": "replace", "path": "/ployd/capacity/servers/0/path", "value": ["spec", "model"]},
	])
	every document in [
		{},
		{"request": asked.request},
		model,
		json.patch(asked, [{"op": "replace", "path": "/request/object", "value": null}]),
		json.patch(asked, [{"op": "replace", "path": "/request/object/spec", "value": "x"}]),
	] {
		rule.deny == set() with input as document
		rule.warn == set() with input as document
	}
	every strange in [null, [], "x", 3] {
		rule.deny == set() with input as _pod(strange, {"securityContext": strange, "volumeMounts": strange}, {})
	}
}
