package ployd.lib.replica_test

import data.ployd.lib.replica

_model := {"kind": "ModelDeployment", "path": ["spec", "model"]}

_pod := {"kind": "Deployment", "path": ["spec", "template", "spec", "containers", 1]}

_model_document(specification) := {"request": {"object": {"spec": specification}}}

_pod_document(container, volumes) := {"request": {"object": {"spec": {"template": {"spec": {
	"containers": [{"name": "sidecar"}, container],
	"volumes": volumes,
}}}}}}

test_finds_pod_and_container_of_a_server if {
	replica.pod_path(_pod) == ["spec", "template", "spec"]
	document := _pod_document({"name": "vllm"}, [])
	replica.pod(document, _pod).containers[0] == {"name": "sidecar"}
	replica.container(document, _pod) == {"name": "vllm"}
	not replica.pod_path(_model)
	not replica.pod(document, _model)
	not replica.container(document, _model)
	not replica.specification(document, _pod)
	replica.specification(_model_document({"a": 1}), _model) == {"a": 1}
}

_found contains document if {
	some document in [
		{},
		{"request": {}},
		{"request": {"object": null}},
		{"request": {"object": {"spec": "x"}}},
		{"request": {"object": {"spec": {"template": {"spec": {"containers": {"1": {}}}}}}}},
		_pod_document("x", null),
		_model_document(null),
	]
	some server in [_pod, _model, {"kind": "Pod", "path": "x"}, {"kind": "Pod", "path": []}]
	_ := replica.container(document, server)
}

_specified contains document if {
	some document in [{}, {"request": {"object": null}}, _model_document(null), _model_document([])]
	_ := replica.specification(document, _model)
}

test_is_undefined_where_there_is_none if {
	_found == set()
	_specified == set()
}

test_reads_probes_with_the_defaults_of_kubernetes if {
	model := _model_document({"health": {"startupProbe": {"failureThreshold": 60}, "livenessProbe": null}})
	found := replica.probe(model, _model, "startupProbe")
	replica.patience(found) == 600
	replica.patience_shown(found) == "60 x 10 s"
	not replica.probe(model, _model, "livenessProbe")
	not replica.probe(model, _model, "readinessProbe")
	pod := _pod_document({"livenessProbe": {"initialDelaySeconds": 60, "periodSeconds": 5}}, [])
	alive := replica.probe(pod, _pod, "livenessProbe")
	replica.patience(alive) == 75
	replica.patience_shown(alive) == "60 s + 3 x 5 s"
	not replica.probe(pod, _pod, "startupProbe")
	replica.probe_path(_model, "startupProbe") == ["spec", "health", "startupProbe"]
	replica.probe_path(_pod, "startupProbe") == ["spec", "template", "spec", "containers", 1, "startupProbe"]
}

test_takes_probe_fields_that_are_no_numbers_as_unset if {
	every value in [null, "5", 0, -1, 1.5, [], {}, true] {
		replica.patience({"periodSeconds": value, "failureThreshold": value, "initialDelaySeconds": -1}) == 30
	}
}

test_reads_resources_of_both if {
	model := _model_document({"resources": {"memory": {"limits": "48Gi", "requests": null}, "ephemeralStorage": "20Gi"}})
	replica.resource(model, _model, "limits", "memory") == "48Gi"
	replica.resource(model, _model, "limits", "ephemeral-storage") == "20Gi"
	not replica.resource(model, _model, "requests", "memory")
	not replica.resource(model, _model, "requests", "cpu")
	pod := _pod_document({"resources": {"requests": {"cpu": 8}, "limits": []}}, [])
	replica.resource(pod, _pod, "requests", "cpu") == 8
	not replica.resource(pod, _pod, "limits", "cpu")
	replica.resource_path(_model, "requests", "cpu") == ["spec", "resources", "cpu", "requests"]
	replica.resource_path(_pod, "limits", "memory") == ["spec", "template", "spec", "containers", 1, "resources", "limits", "memory"]
	replica.resource_name(_model, "limits", "memory") == "resources.memory.limits"
	replica.resource_name(_pod, "limits", "memory") == "resources.limits.memory"
}

_mounting := _pod_document(
	{"volumeMounts": [
		{"name": "cache", "mountPath": "/cache/"},
		{"name": "hub", "mountPath": "/cache/hub", "readOnly": true},
		{"name": "claim", "mountPath": "/data"},
		{"name": "cache", "mountPath": "/other"},
		{"name": 3, "mountPath": "/three"},
		{"mountPath": "/root"},
		"x",
		null,
		{"name": "cache", "mountPath": 5},
	]},
	[
		"x",
		{"name": "cache", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}},
		{"name": "hub", "emptyDir": {}},
		{"name": "cache", "emptyDir": {}},
	],
)

_template := ["spec", "template", "spec"]

test_pairs_mounts_with_their_volumes if {
	mounted := replica.mounts(_mounting, _pod)
	[mount.folder | some mount in mounted] == ["/cache", "/cache/hub", "/data", "/other", "/three", "/root"]
	mounted[0] == {
		"folder": "/cache",
		"readOnly": false,
		"path": array.concat(_pod.path, ["volumeMounts", 0]),
		"volume": {"name": "cache", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}},
		"volumePath": array.concat(_template, ["volumes", 1]),
		"name": "volume cache",
	}
	mounted[1].readOnly
	mounted[2].volume == {}
	mounted[2].name == "its volume"
	mounted[4].volume == {}
	replica.mounts(_model_document({}), _model) == []
	replica.mounts({}, _pod) == []
}

test_finds_the_innermost_mount_of_a_folder if {
	mounted := replica.mounts(_mounting, _pod)
	expected := {"/cache": 0, "/cache/a": 0, "/cache/hub/b/": 1, "/data": 2}
	every folder, position in expected {
		replica.mount_of(mounted, folder) == mounted[position]
	}
	every folder in ["/cached", "/", "cache", "", null, 3] {
		not replica.mount_of(mounted, folder)
	}
	replica.mount_of([{"folder": ""}], "/any/where") == {"folder": ""}
	replica.mount_of([{"folder": ""}], "/") == {"folder": ""}
}

test_adds_up_what_volumes_take_of_the_memory if {
	replica.memory_volumes(_mounting, _pod) == 2 * replica.bytes_per_gib
	replica.memory_volumes(_pod_document({}, []), _pod) == 0
	replica.memory_volumes(_model_document({"resources": {"sharedMemory": "8Gi"}}), _model) == 8 * replica.bytes_per_gib
	every written in ["x", "-1Gi", "8Ei"] {
		replica.memory_volumes(_model_document({"resources": {"sharedMemory": written}}), _model) == 0
	}
	replica.memory_volumes(_model_document(null), _model) == 0
}

test_shows_amounts if {
	replica.gib(15) == "15"
	replica.gib(9.84) == "9.8"
	replica.gpus(1) == "1 GPU"
	replica.gpus(8) == "8 GPUs"
	replica.seconds(37.5) == "38s"
	replica.seconds(120) == "2m"
}
