package ployd.rules.pod.shared_memory_test

import data.ployd.rules.pod.shared_memory as rule

_parameters := {"leastGi": 1, "recommendedGi": 2, "recommendedGiPerGPU": 1}

_input(kind, path, value, gpus) := {
	"request": {"kind": {"group": "", "kind": kind}, "object": value},
	"ployd": {
		"parameters": {"pod.shared_memory": _parameters},
		"capacity": {"servers": [{"owner": "container vllm", "kind": kind, "path": path, "parallel": {"gpus": gpus}}]},
	},
}

_model(resources, gpus) := _input("ModelDeployment", ["spec", "model"], {"spec": {"resources": resources}}, gpus)

_pod(mounts, volumes, gpus) := _input(
	"Pod",
	["spec", "containers", 0],
	{"spec": {"containers": [{"name": "vllm", "volumeMounts": mounts}], "volumes": volumes}},
	gpus,
)

_mount := [{"name": "shm", "mountPath": "/dev/shm/"}]

_container := ["spec", "containers", 0]

test_denies_a_model_on_several_gpus_without_shared_memory if {
	rule.deny == {{
		"msg": "4 GPUs talk through /dev/shm, and sharedMemory is not set: a container runtime gives 64 MiB",
		"path": ["spec", "resources", "sharedMemory"],
		"remedy": "Set resources.sharedMemory to 6Gi: 2Gi and 1Gi for each of 4 GPUs.",
	}} with input as _model({"gpu": {"count": 4}}, 4)
	every resources in [{"sharedMemory": null}, null, [], "x"] {
		rows := rule.deny with input as _model(resources, 2)
		{row.remedy | some row in rows} == {"Set resources.sharedMemory to 4Gi: 2Gi and 1Gi for each of 2 GPUs."}
	}
}

test_denies_a_model_with_too_little if {
	rule.deny == {{
		"msg": "sharedMemory is \"64Mi\" for 2 GPUs; at least 1Gi is needed",
		"path": ["spec", "resources", "sharedMemory"],
		"remedy": "Set resources.sharedMemory to 4Gi: 2Gi and 1Gi for each of 2 GPUs.",
	}} with input as _model({"sharedMemory": "64Mi"}, 2)
	every value in ["1G", "0", "1023Mi", "x", true, [], {}, 5, ""] {
		rows := rule.deny with input as _model({"sharedMemory": value}, 2)
		{row.path | some row in rows} == {["spec", "resources", "sharedMemory"]}
	}
}

test_denies_a_pod_without_a_volume if {
	rule.deny == {{
		"msg": "container vllm uses 2 GPUs without a volume at /dev/shm: a container runtime gives 64 MiB",
		"path": array.concat(_container, ["volumeMounts"]),
		"remedy": "Mount an emptyDir with medium: Memory and sizeLimit: 4Gi at /dev/shm: 2Gi and 1Gi for each of 2 GPUs.",
	}} with input as _pod([{"name": "shm", "mountPath": "/dev/shm2"}], [{"name": "shm", "emptyDir": {"medium": "Memory"}}], 2)
	every mounts in [null, [], "x", ["x", null, {"mountPath": 3}]] {
		rows := rule.deny with input as _pod(mounts, [], 2)
		{row.path | some row in rows} == {array.concat(_container, ["volumeMounts"])}
	}
}

test_denies_a_volume_on_a_disk if {
	rule.deny == {{
		"msg": "container vllm: volume shm at /dev/shm is no memory, so what 2 GPUs exchange goes through a disk",
		"path": ["spec", "volumes", 0, "emptyDir", "medium"],
		"remedy": "Make it an emptyDir with medium: Memory and sizeLimit: 4Gi.",
		"related": [{"msg": "mounted here", "path": array.concat(_container, ["volumeMounts", 0])}],
	}} with input as _pod(_mount, [{"name": "shm", "emptyDir": {"sizeLimit": "8Gi"}}], 2)
	expected := [
		[[{"name": "shm", "persistentVolumeClaim": {"claimName": "a"}}], ["spec", "volumes", 0]],
		[[{"name": "shm", "emptyDir": null}], ["spec", "volumes", 0]],
		[[{"name": "shm", "emptyDir": {"medium": "HugePages"}}], ["spec", "volumes", 0, "emptyDir", "medium"]],
		[[], array.concat(_container, ["volumeMounts"])],
		[null, array.concat(_container, ["volumeMounts"])],
	]
	every case in expected {
		rows := rule.deny with input as _pod(_mount, case[0], 2)
		{row.path | some row in rows} == {case[1]}
	}
}

test_denies_a_volume_that_is_too_small if {
	rule.deny == {{
		"msg": "container vllm: volume shm at /dev/shm holds \"512Mi\" for 2 GPUs; at least 1Gi is needed",
		"path": ["spec", "volumes", 0, "emptyDir", "sizeLimit"],
		"remedy": "Set sizeLimit to 4Gi: 2Gi and 1Gi for each of 2 GPUs.",
	}} with input as _pod(_mount, [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "512Mi"}}], 2)
}

test_warns_of_a_memory_volume_without_a_limit if {
	volumes := [{"name": "shm", "emptyDir": {"medium": "Memory"}}]
	rule.warn == {{
		"msg": "container vllm: volume shm at /dev/shm has no sizeLimit: what it holds counts as memory of the pod, up to all of it",
		"path": ["spec", "volumes", 0, "emptyDir", "sizeLimit"],
		"remedy": "Set sizeLimit to 4Gi: 2Gi and 1Gi for each of 2 GPUs.",
	}} with input as _pod(_mount, volumes, 2)
	rule.deny == set() with input as _pod(_mount, volumes, 2)
}

test_allows_enough_shared_memory if {
	every written in ["1Gi", "8Gi", 1073741824] {
		rule.deny == set() with input as _model({"sharedMemory": written}, 8)
		volumes := [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": written}}]
		rule.deny == set() with input as _pod(_mount, volumes, 8)
		rule.warn == set() with input as _pod(_mount, volumes, 8)
	}
}

test_allows_the_shared_memory_of_the_node if {
	rule.deny == set() with input as _pod(_mount, [{"name": "shm", "hostPath": {"path": "/dev/shm"}}], 2)
	asked := _pod([], [], 2)
	shared := json.patch(asked, [{"op": "add", "path": "/request/object/spec/hostIPC", "value": true}])
	rule.deny == set() with input as shared
}

test_denies_everything_under_a_parameter_that_is_no_size if {
	every value in ["1", 0, -1, null, [], {}, true] {
		every name in ["leastGi", "recommendedGi", "recommendedGiPerGPU"] {
			asked := json.patch(_model({"sharedMemory": "8Gi"}, 2), [{
				"op": "replace",
				"path": sprintf("/ployd/parameters/pod.shared_memory/%s", [name]),
				"value": value,
			}])
			rows := rule.deny with input as asked
			{row.path | some row in rows} == {[]}
		}
	}
	rows := rule.deny with input as object.remove(_model({"sharedMemory": "8Gi"}, 2), ["ployd"])
	rows == set()
}

test_is_silent_on_one_gpu_and_other_kinds_and_deletions if {
	every gpus in [0, 1] {
		rule.deny == set() with input as _model({}, gpus)
		rule.deny == set() with input as _pod([], [], gpus)
	}
	asked := _model({}, 4)
	every document in [
		{"request": asked.request, "ployd": {"capacity": {"servers": []}}},
		{"request": asked.request},
		json.patch(asked, [{"op": "replace", "path": "/request/object", "value": null}]),
		{},
	] {
		rule.deny == set() with input as document
		rule.warn == set() with input as document
	}
}
