package ployd.rules.image.pinned_test

import data.ployd.rules.image.pinned as rule

_digest := "sha256:4f1c0e9a6b7d2358c1a4e06f9b83d75a2e61c0f48d9b7a35e2c816f04ad79b31"

_strict := {"digest": true, "required": true, "movingTags": ["nightly"]}

_relaxed := {"digest": false, "required": false, "movingTags": ["nightly"]}

_model(model, parameters) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
		"object": {"spec": {"model": model}},
	},
	"ployd": {"parameters": {"image.pinned": parameters}},
}

_pod(specification, parameters) := {
	"request": {"kind": {"group": "", "version": "v1", "kind": "Pod"}, "object": {"spec": specification}},
	"ployd": {"parameters": {"image.pinned": parameters}},
}

_pinned := concat("@", ["registry.example.com:5000/vllm/vllm-openai:v0.19.1", _digest])

test_allows_a_tag_with_a_digest if {
	rule.deny == set() with input as _model({"image": _pinned}, _strict)
	rule.deny == set() with input as _pod({"containers": [{"name": "a", "image": _pinned}]}, _strict)
}

test_allows_a_digest_whatever_the_tag if {
	every name in ["nginx", "nginx:latest", "nginx:nightly"] {
		rule.deny == set() with input as _model({"image": concat("@", [name, _digest])}, _strict)
	}
}

test_allows_a_version_where_no_digest_is_demanded if {
	rule.deny == set() with input as _model({"image": "vllm/vllm-openai:v0.19.1"}, _relaxed)
}

test_denies_a_version_without_the_digest_demanded if {
	every parameters in [_strict, {}, {"digest": null}] {
		rule.deny == {{
			"msg": "the model server: image vllm/vllm-openai:v0.19.1 has a tag that can be moved and no digest",
			"path": ["spec", "model", "image"],
			"remedy": "Add the digest: vllm/vllm-openai:v0.19.1@sha256:...",
		}} with input as _model({"image": "vllm/vllm-openai:v0.19.1"}, parameters)
	}
}

test_denies_latest_everywhere if {
	every parameters in [_strict, _relaxed, {}] {
		rule.deny == {{
			"msg": "the model server: image vllm/vllm-openai:latest is not pinned: the tag latest moves",
			"path": ["spec", "model", "image"],
			"remedy": "Write the version that was tested, as in vllm/vllm-openai:v1.2.3@sha256:...",
		}} with input as _model({"image": "vllm/vllm-openai:latest"}, parameters)
		rows := rule.deny with input as _model({"image": "registry.example.com:5000/server"}, parameters)
		{row.msg | some row in rows} == {"the model server: image registry.example.com:5000/server is not pinned: without a tag it means latest"}
	}
}

test_denies_the_moving_tags_of_the_environment if {
	rows := rule.deny with input as _model({"image": "vllm/vllm-openai:nightly"}, _relaxed)
	{row.msg | some row in rows} == {"the model server: image vllm/vllm-openai:nightly is not pinned: the tag nightly moves"}
	rule.deny == set() with input as _model({"image": "vllm/vllm-openai:nightly"}, {"digest": false})
}

test_denies_a_missing_image_where_one_is_required if {
	every model in [{}, {"image": null}, null, [], "x"] {
		rule.deny == {{
			"msg": "the model server names no image, so what runs is chosen elsewhere",
			"path": ["spec", "model", "image"],
			"remedy": "Name the image with its version and digest.",
		}} with input as _model(model, _strict)
		rule.deny == set() with input as _model(model, _relaxed)
	}
	rows := rule.deny with input as {"request": _model({}, {}).request}
	{row.path | some row in rows} == {["spec", "model", "image"]}
}

test_denies_what_is_no_reference if {
	every value in ["", "a b", "Nginx", "nginx@sha256:12", 3, true, [], {}, "{{ .Values.image }}"] {
		rows := rule.deny with input as _model({"image": value}, _relaxed)
		{row.path | some row in rows} == {["spec", "model", "image"]}
	}
	rule.deny == {{
		"msg": "the model server: \"nginx@sha256:12\" is no image reference",
		"path": ["spec", "model", "image"],
		"remedy": "Write it as name:tag@sha256:<64 digits from 0-9 and a-f>.",
	}} with input as _model({"image": "nginx@sha256:12"}, _relaxed)
}

test_looks_at_every_container if {
	specification := {
		"initContainers": [{"name": "fetch", "image": "busybox"}],
		"containers": [{"name": "server", "image": _pinned}, {"name": "sidecar"}],
		"ephemeralContainers": [{"name": "debug", "image": "debug:latest"}],
	}
	rows := rule.deny with input as _pod(specification, _relaxed)
	{row.path | some row in rows} == {
		["spec", "initContainers", 0, "image"],
		["spec", "containers", 1, "image"],
		["spec", "ephemeralContainers", 0, "image"],
	}
}

test_is_silent_on_other_kinds_and_deletions if {
	service := {"kind": {"group": "", "kind": "Service"}, "object": {"spec": {"containers": [{"image": "a"}]}}}
	gone := {"kind": {"group": "ployd.ai", "kind": "ModelDeployment"}, "object": null}
	every request in [service, gone] {
		rule.deny == set() with input as {"request": request}
	}
}
