package ployd.lib.workload_test

import data.ployd.lib.workload

_pod := {
	"containers": [{"name": "server", "image": "a"}, {"image": "b"}],
	"initContainers": [{"name": "fetch"}],
	"ephemeralContainers": [{"name": "debug"}],
}

_request(group, kind, value) := {"kind": {"group": group, "kind": kind}, "object": value}

test_finds_the_pod_of_every_workload if {
	workload.pod(_request("", "Pod", {"spec": _pod})) == _pod
	workload.pod(_request("", "PodTemplate", {"template": {"spec": _pod}})) == _pod
	every kind in ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"] {
		workload.pod(_request("apps", kind, {"spec": {"template": {"spec": _pod}}})) == _pod
	}
	workload.pod(_request("batch", "Job", {"spec": {"template": {"spec": _pod}}})) == _pod
	workload.pod(_request("", "ReplicationController", {"spec": {"template": {"spec": _pod}}})) == _pod
	cron := {"spec": {"jobTemplate": {"spec": {"template": {"spec": _pod}}}}}
	workload.pod(_request("batch", "CronJob", cron)) == _pod
	workload.pod_path(_request("batch", "CronJob", cron)) == ["spec", "jobTemplate", "spec", "template", "spec"]
}

_found contains request if {
	deployment := {"spec": {"template": {"spec": _pod}}}
	some request in [
		_request("", "Service", {"spec": _pod}),
		_request("example.com", "Deployment", deployment),
		_request("", "Pod", null),
		_request("", "Pod", {"spec": null}),
		_request("", "Pod", {"spec": "x"}),
		_request("", "Pod", {}),
		_request("apps", "Deployment", {"spec": []}),
		{"kind": {}, "object": {"spec": _pod}},
	]
	_ := workload.pod(request)
}

test_is_undefined_for_what_has_no_pod if {
	_found == set()
}

test_lists_all_three_sorts_of_containers_with_their_places if {
	workload.containers(_pod) == [
		{"name": "container fetch", "path": ["initContainers", 0], "value": {"name": "fetch"}},
		{"name": "container server", "path": ["containers", 0], "value": {"name": "server", "image": "a"}},
		{"name": "containers[1]", "path": ["containers", 1], "value": {"image": "b"}},
		{"name": "container debug", "path": ["ephemeralContainers", 0], "value": {"name": "debug"}},
	]
}

test_leaves_out_what_is_no_container if {
	workload.containers({"containers": ["x", null, {"name": 3}], "initContainers": {"a": 1}}) == [{
		"name": "containers[2]",
		"path": ["containers", 2],
		"value": {"name": 3},
	}]
	workload.containers({}) == []
}
