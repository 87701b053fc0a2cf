package ployd.rules.image.registry_test

import data.ployd.rules.image.registry as rule

_model(image, allowed) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
		"object": {"spec": {"model": {"image": image}}},
	},
	"ployd": {"parameters": {"image.registry": {"allowed": allowed}}},
}

_pod(specification, allowed) := {
	"request": {"kind": {"group": "", "version": "v1", "kind": "Pod"}, "object": {"spec": specification}},
	"ployd": {"parameters": {"image.registry": {"allowed": allowed}}},
}

_digest := "sha256:4f1c0e9a6b7d2358c1a4e06f9b83d75a2e61c0f48d9b7a35e2c816f04ad79b31"

_company := ["docker.io/vllm/", "registry.example.com:5000/models"]

test_denies_an_image_from_elsewhere if {
	rule.deny == {{
		"msg": "the model server: image \"quay.io/somebody/vllm:v0.19.1\" comes from no allowed registry",
		"path": ["spec", "model", "image"],
		"remedy": "Take it from docker.io/vllm/ or registry.example.com:5000/models; copy it there first where it is missing.",
	}} with input as _model("quay.io/somebody/vllm:v0.19.1", _company)
}

test_denies_a_shorthand_and_says_what_it_means if {
	rows := rule.deny with input as _model("nginx:1.27", _company)
	{row.msg | some row in rows} == {"the model server: image \"nginx:1.27\" comes from no allowed registry (it means docker.io/library/nginx)"}
}

test_denies_names_that_only_begin_alike if {
	every image in [
		"docker.io/vllm-copies/vllm-openai:v1",
		"vllm/../x",
		"vllms/vllm-openai",
		"registry.example.com:5000/models-old/a",
		"registry.example.com/models/a",
		"registry.example.com:5000/model",
		"vllm.example.com/vllm/vllm-openai",
	] {
		rows := rule.deny with input as _model(image, _company)
		count(rows) == 1
	}
}

test_allows_what_is_inside_in_every_way_to_write_it if {
	every image in [
		"vllm/vllm-openai:v0.19.1",
		"docker.io/vllm/vllm-openai:v0.19.1",
		"index.docker.io/vllm/vllm-openai",
		"registry-1.docker.io/vllm/vllm-openai",
		"Docker.io/vllm/vllm-openai",
		concat("@", ["vllm/vllm-openai", _digest]),
		"registry.example.com:5000/models/server:1",
		"registry.example.com:5000/models/chat/server",
	] {
		rule.deny == set() with input as _model(image, _company)
	}
}

test_allows_whole_registries_official_images_and_single_repositories if {
	every case in [
		["nginx:1.27", ["docker.io"]],
		["nginx:1.27", ["docker.io/library"]],
		["nginx:1.27", ["nginx"]],
		["library/nginx", ["nginx"]],
		["vllm/vllm-openai", ["vllm/vllm-openai"]],
		["vllm/vllm-openai", ["vllm/"]],
		["localhost:5000/a", ["localhost:5000"]],
		["localhost/a", ["localhost"]],
		["MyHost/a/b", ["MyHost/a"]],
		["ghcr.io/company/a", ["ghcr.io/company/a"]],
	] {
		rule.deny == set() with input as _model(case[0], case[1])
	}
	user := rule.deny with input as _model("vllm/vllm-openai", ["vllm"])
	count(user) == 1
}

test_looks_at_every_container if {
	specification := {
		"initContainers": [{"name": "fetch", "image": "busybox"}],
		"containers": [{"name": "server", "image": "vllm/vllm-openai:v1"}, {"name": "none"}, {"name": "null", "image": null}],
		"ephemeralContainers": [{"name": "debug", "image": "ghcr.io/somebody/debug"}],
	}
	rows := rule.deny with input as _pod(specification, _company)
	{[row.path, row.msg] | some row in rows} == {
		[
			["spec", "initContainers", 0, "image"],
			"container fetch: image \"busybox\" comes from no allowed registry (it means docker.io/library/busybox)",
		],
		[["spec", "ephemeralContainers", 0, "image"], "container debug: image \"ghcr.io/somebody/debug\" comes from no allowed registry"],
	}
}

test_denies_what_is_no_image if {
	every value in ["", "a b", 3, true, [], {}, "{{ .Values.image }}"] {
		rows := rule.deny with input as _model(value, _company)
		{[row.path, row.remedy] | some row in rows} == {[["spec", "model", "image"], "Write the name of an image, with its registry."]}
	}
}

test_denies_everything_under_an_empty_list if {
	rows := rule.deny with input as _model("vllm/vllm-openai", [])
	{row.remedy | some row in rows} == {"The list of allowed registries is empty: have one added to it."}
}

test_denies_under_a_list_that_cannot_be_used if {
	every value in ["docker.io", 3, true, {}, [""], ["ghcr.io/*"], ["docker.io/vllm", null], ["https://ghcr.io"]] {
		rows := rule.deny with input as _model("docker.io/vllm/vllm-openai", value)
		[] in {row.path | some row in rows}
	}
	rows := rule.deny with input as _model("docker.io/vllm/vllm-openai", "docker.io")
	{row.msg | some row in rows} == {concat("", [
		"parameter allowed of rule image.registry is \"docker.io\"; it must be a list of registries and folders in them, ",
		"e.g. docker.io/vllm, or nothing can be allowed",
	])}
}

test_is_silent_without_a_declared_list if {
	rule.deny == set() with input as _model("quay.io/somebody/vllm", null)
	rule.deny == set() with input as {"request": _model("quay.io/somebody/vllm", null).request}
}

test_is_silent_without_an_image_on_other_kinds_and_deletions if {
	every model in [{}, {"image": null}, null, [], "x"] {
		written := {"spec": {"model": model}}
		request := {"kind": _model("x", []).request.kind, "object": written}
		rule.deny == set() with input as {"request": request, "ployd": _model("x", _company).ployd}
	}
	service := {"kind": {"group": "", "kind": "Service"}, "object": {"spec": {"containers": [{"image": "quay.io/a/b"}]}}}
	gone := {"kind": {"group": "ployd.ai", "kind": "ModelDeployment"}, "object": null}
	every request in [service, gone] {
		rule.deny == set() with input as {"request": request, "ployd": _model("x", _company).ployd}
		rule.deny == set() with input as {"request": request, "ployd": _model("x", 3).ployd}
	}
}
