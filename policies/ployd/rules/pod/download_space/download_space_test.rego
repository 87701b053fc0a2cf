package ployd.rules.pod.download_space_test

import data.ployd.rules.pod.download_space as rule

_parameters := {"factor": 1.1, "initMemoryGi": 2}

_input(value, server) := {
	"request": {"kind": {"group": "", "kind": server.kind}, "object": value},
	"ployd": {"parameters": {"pod.download_space": _parameters}, "capacity": {"servers": [server]}},
}

_model(path, storage, environment) := _input(
	{"spec": {"model": {"path": path}, "resources": {"ephemeralStorage": storage}}},
	{
		"owner": "the model server",
		"kind": "ModelDeployment",
		"path": ["spec", "model"],
		"settings": {},
		"environment": environment,
		"weightsGiB": 15,
	},
)

_pod(specification, settings, environment) := _input({"spec": specification}, {
	"owner": "container vllm",
	"kind": "Pod",
	"path": ["spec", "containers", 0],
	"settings": settings,
	"environment": environment,
	"weightsGiB": 15,
})

_mounted(folder, volume, resources) := {
	"containers": [{"volumeMounts": [{"name": "cache", "mountPath": folder}], "resources": resources}, {}, "x"],
	"volumes": [object.union({"name": "cache"}, volume)],
}

_hub := {"model": {"value": "meta-llama/Llama-3.1-8B-Instruct"}}

_local := {"model": {"value": "/models/llama"}}

test_denies_a_model_that_is_larger_than_its_storage if {
	every path in ["hf://meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B"] {
		rows := rule.deny with input as _model(path, "16Gi", {})
		rows == {{
			"msg": sprintf("ephemeralStorage is 16Gi, and 15 GiB of weights are downloaded from %s: they need 16.5 GiB", [path]),
			"path": ["spec", "resources", "ephemeralStorage"],
			"remedy": "Set resources.ephemeralStorage to 17Gi, or leave it out.",
			"related": [{"msg": "what is downloaded", "path": ["spec", "model", "path"]}],
		}}
	}
}

test_allows_a_model_that_is_streamed_or_there_or_has_room if {
	every path in ["s3://models/llama", "/models/llama", "pvc://claim/llama", null, 3] {
		rule.deny == set() with input as _model(path, "1Gi", {})
	}
	every storage in ["17Gi", null, "x", {}] {
		rule.deny == set() with input as _model("a/b", storage, {})
	}
	rule.deny == set() with input as _model("a/b", "1Gi", {"HF_HUB_OFFLINE": {"value": "1"}})
}

test_denies_a_volume_smaller_than_what_is_downloaded_into_it if {
	rows := rule.deny with input as _pod(
		_mounted("/cache", {"emptyDir": {"sizeLimit": "10Gi"}}, {}),
		_hub,
		{"HF_HOME": {"value": "/cache/hf"}, "HOME": {"value": "/nowhere"}},
	)
	rows == {{
		"msg": "volume cache holds 10Gi at most, and container vllm has 15 GiB of weights there (/cache/hf/hub): they need 16.5 GiB",
		"path": ["spec", "volumes", 0, "emptyDir", "sizeLimit"],
		"remedy": "Set sizeLimit to 17Gi, or use a persistentVolumeClaim that keeps the weights.",
		"related": [{"msg": "mounted here", "path": ["spec", "containers", 0, "volumeMounts", 0]}],
	}}
}

test_denies_wherever_the_download_goes if {
	small := {"emptyDir": {"sizeLimit": "10Gi"}}
	cases := [
		["/root/.cache", {}, {}],
		["/hub", {"HF_HUB_CACHE": {"value": "/hub"}, "HF_HOME": {"value": "/x"}}, {}],
		["/hub", {"HUGGINGFACE_HUB_CACHE": {"value": "/hub/a"}}, {}],
		["/xdg/huggingface", {"XDG_CACHE_HOME": {"value": "/xdg"}, "HOME": {"value": "/x"}}, {}],
		["/home/.cache/huggingface/hub", {"HOME": {"value": "/home"}}, {}],
		["/down", {"HF_HOME": {"value": "/x"}}, {"download_dir": {"value": "/down/load"}}],
	]
	every case in cases {
		rows := rule.deny with input as _pod(_mounted(case[0], small, {}), object.union(_hub, case[2]), case[1])
		{row.path | some row in rows} == {["spec", "volumes", 0, "emptyDir", "sizeLimit"]}
	}
}

test_denies_a_volume_that_another_container_cannot_fill if {
	rows := rule.deny with input as _pod(_mounted("/models", {"emptyDir": {"medium": "Memory", "sizeLimit": "15Gi"}}, {}), _local, {})
	{row.msg | some row in rows} == {"volume cache holds 15Gi at most, and container vllm has 15 GiB of weights there (/models/llama): they need 16.5 GiB"}
}

test_denies_less_storage_for_the_containers_than_a_volume_takes if {
	asked := _pod(_mounted("/models", {"emptyDir": {}}, {"limits": {"ephemeral-storage": "8Gi"}}), _local, {})
	more := json.patch(asked, [{
		"op": "add",
		"path": "/request/object/spec/containers/1/resources",
		"value": {"limits": {"ephemeral-storage": "4Gi"}},
	}])
	rows := rule.deny with input as more
	rows == {{
		"msg": concat("", [
			"container vllm has 15 GiB of weights in /models/llama, and the containers of the pod may use 12 GiB of ephemeral storage: ",
			"they need 16.5 GiB",
		]),
		"path": ["spec", "containers", 0, "resources", "limits", "ephemeral-storage"],
		"remedy": "Set limits.ephemeral-storage to 17Gi, or use a persistentVolumeClaim that keeps the weights.",
	}}
	enough := json.patch(more, [{
		"op": "replace",
		"path": "/request/object/spec/containers/1/resources/limits/ephemeral-storage",
		"value": "9Gi",
	}])
	rule.deny == set() with input as enough
}

test_denies_a_download_onto_the_disk_of_the_container if {
	asked := _pod({"containers": [{"resources": {"limits": {"ephemeral-storage": "10Gi"}}}]}, _hub, {})
	rows := rule.deny with input as asked
	{row.msg | some row in rows} == {concat("", [
		"container vllm has 15 GiB of weights in /root/.cache/huggingface/hub, and it may use 10 GiB of ephemeral storage: ",
		"they need 16.5 GiB",
	])}
}

_beginning(container) := {"containers": [{}], "initContainers": ["x", {"name": "wait"}, container]}

test_warns_of_a_download_with_little_memory if {
	every container in [
		{"name": "storage-initializer", "resources": {"limits": {"memory": "1Gi"}}},
		{"name": "model-fetcher", "resources": {"limits": {"memory": "1Gi"}}},
	] {
		rows := rule.warn with input as _pod(_beginning(container), _local, {})
		rows == {{
			"msg": sprintf("init container %s has 1Gi of memory to download 15 GiB of weights; large downloads are killed there", [container.name]),
			"path": ["spec", "initContainers", 2, "resources", "limits", "memory"],
			"remedy": "Set its memory limit to 2Gi or more.",
		}}
	}
}

test_allows_volumes_with_room_or_without_a_limit_and_claims if {
	every volume in [
		{"emptyDir": {"sizeLimit": "17Gi"}},
		{"emptyDir": {}},
		{"emptyDir": {"sizeLimit": "x"}},
		{"emptyDir": null},
		{"persistentVolumeClaim": {"claimName": "a"}},
	] {
		rule.deny == set() with input as _pod(_mounted("/models", volume, {}), _local, {})
		rule.deny == set() with input as _pod(_mounted("/root", volume, {}), _hub, {})
	}
}

test_is_silent_where_nothing_is_downloaded_or_nobody_knows_where if {
	small := _mounted("/root", {"emptyDir": {"sizeLimit": "1Gi"}}, {"limits": {"ephemeral-storage": "1Gi"}})
	every settings in [{}, {"model": {"value": null}}, {"model": {"value": "s3://a/b"}}, {"model": {"value": "/models/a"}}, {"model": {"value": "./a/b"}}] {
		rule.deny == set() with input as _pod(small, settings, {})
	}
	rule.deny == set() with input as _pod(small, _hub, {"HF_HUB_OFFLINE": {"value": "1"}})
	rule.deny == set() with input as _pod(small, _hub, {"HF_HOME": {"value": null}})
	every container in [
		{"name": "storage-initializer"},
		{"name": "storage-initializer", "resources": {"limits": {"memory": "2Gi"}}},
		{"name": "wait", "image": "busybox", "resources": {"limits": {"memory": "64Mi"}}},
		{"image": 3, "resources": {"limits": {"memory": "64Mi"}}},
	] {
		asked := _pod({"containers": [{}], "initContainers": [container]}, _local, {})
		rule.warn == set() with input as asked
	}
	unnamed := {"image": "kserve/storage-initializer:v0.15", "resources": {"limits": {"memory": "1Gi"}}}
	rows := rule.warn with input as _pod({"containers": [{}], "initContainers": [unnamed]}, _local, {})
	{row.msg | some row in rows} == {"initContainers[0] has 1Gi of memory to download 15 GiB of weights; large downloads are killed there"}
}

test_denies_everything_under_a_parameter_that_is_no_number if {
	every value in ["2", 0, -1, null, [], {}, true] {
		every name in ["factor", "initMemoryGi"] {
			asked := json.patch(_model("a/b", "99Gi", {}), [{
				"op": "replace",
				"path": sprintf("/ployd/parameters/pod.download_space/%s", [name]),
				"value": value,
			}])
			rows := rule.deny with input as asked
			{row.path | some row in rows} == {[]}
		}
	}
}

test_is_silent_on_unknown_models_other_objects_and_deletions if {
	asked := _model("a/b", "1Gi", {})
	every document in [
		{},
		{"request": asked.request},
		json.patch(asked, [{"op": "replace", "path": "/ployd/capacity/servers/0/weightsGiB", "value": 0}]),
		json.patch(asked, [{"op": "replace", "path": "/request/object", "value": null}]),
		json.patch(asked, [{"op": "replace", "path": "/request/object/spec", "value": "x"}]),
	] {
		rule.deny == set() with input as document
		rule.warn == set() with input as document
	}
}
