package ployd.lib.image_test

import data.ployd.lib.image

_digest := "sha256:4f1c0e9a6b7d2358c1a4e06f9b83d75a2e61c0f48d9b7a35e2c816f04ad79b31"

test_reads_every_form if {
	expected := {
		"nginx": ["nginx", "", ""],
		"nginx:1.29": ["nginx", "1.29", ""],
		"vllm/vllm-openai:v0.19.1": ["vllm/vllm-openai", "v0.19.1", ""],
		"registry.example.com/team/server": ["registry.example.com/team/server", "", ""],
		"registry.example.com:5000/team/server": ["registry.example.com:5000/team/server", "", ""],
		"registry.example.com:5000/server:1": ["registry.example.com:5000/server", "1", ""],
		"localhost:5000/a:b": ["localhost:5000/a", "b", ""],
		"Registry.example.com/a": ["Registry.example.com/a", "", ""],
		"a/b__c/d--e:T": ["a/b__c/d--e", "T", ""],
	}
	every text, parts in expected {
		image.parse(text) == {"name": parts[0], "tag": parts[1], "digest": parts[2]}
		image.parse(concat("@", [text, _digest])) == {"name": parts[0], "tag": parts[1], "digest": _digest}
	}
}

_read contains text if {
	some text in [
		"", " ", "Nginx", "nginx:", ":1", "nginx@", "nginx@sha256:abc", "a//b", "a/", "/a", "a b", "nginx:a:b",
		"{{ .Values.image }}", "${IMAGE}", "https://example.com/a", "a@sha256:x@sha256:y",
		null, 1, true, [], {},
	]
	_ := image.parse(text)
}

test_is_undefined_for_everything_else if {
	_read == set()
}
