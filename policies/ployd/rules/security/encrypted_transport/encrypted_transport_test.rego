package ployd.rules.security.encrypted_transport_test

import data.ployd.rules.security.encrypted_transport as rule

_pod(container) := {"request": {
	"kind": {"group": "", "kind": "Pod"},
	"object": {"spec": {"containers": [object.union({"name": "vllm"}, container)]}},
}}

_env(variables) := _pod({"env": [{"name": name, "value": value} | some name, value in variables]})

_model(model) := {"request": {
	"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
	"object": {"spec": {"model": model}},
}}

_ingress(metadata, spec) := {"request": {
	"kind": {"group": "networking.k8s.io", "kind": "Ingress"},
	"object": {"metadata": metadata, "spec": spec},
}}

_quiet := {"ployd": {"parameters": {"security.encrypted_transport": {"insideCluster": false}}}}

_paths(rows) := {row.path | some row in rows}

_messages(rows) := {row.msg | some row in rows}

test_denies_a_model_over_plain_text if {
	rule.deny == {{
		"msg": "path is http://models.example.com/llama: it goes over the network in plain text",
		"path": ["spec", "model", "path"],
		"remedy": "Write https://models.example.com/llama.",
	}} with input as _model({"path": "http://models.example.com/llama"})
	rule.deny == {{
		"msg": "path is ftp://...@models.example.com/llama: it goes over the network in plain text",
		"path": ["spec", "model", "path"],
		"remedy": "Write an address that begins with https://, s3:// or another encrypted scheme.",
	}} with input as _model({"path": "ftp://me:hunter2@models.example.com/llama"})
	shown := rule.deny with input as _model({"path": "HTTP://a.example.com/m?sig=hunter2"})
	_messages(shown) == {"path is HTTP://a.example.com/m: it goes over the network in plain text"}
}

test_denies_endpoints_that_weights_come_from if {
	every name in [
		"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "S3_ENDPOINT", "S3_ENDPOINT_URL", "RUNAI_STREAMER_S3_ENDPOINT", "HF_ENDPOINT",
		"hf_endpoint", "MODEL_URL", "MLFLOW_S3_ENDPOINT_URL", "MINIO_URL",
	] {
		rule.deny == {{
			"msg": sprintf("%s of container vllm is http://10.1.2.3:9000: it goes over the network in plain text", [name]),
			"path": ["spec", "containers", 0, "env", 0, "value"],
			"remedy": "Write https://10.1.2.3:9000.",
		}} with input as _env({name: "http://10.1.2.3:9000"})
		rule.warn == set() with input as _env({name: "http://10.1.2.3:9000"})
	}
	mine := rule.deny with input as _model({"env": [{"name": "HF_ENDPOINT", "value": "http://hub.example.com"}]})
	_paths(mine) == {["spec", "model", "env", 0, "value"]}
}

test_warns_of_other_addresses if {
	every document in [_env({"WEBHOOK_URL": "http://hooks.example.com"}), _env({"DOCS": "ftp://docs.example.com/a"})] {
		rule.deny == set() with input as document
		rows := rule.warn with input as document
		_paths(rows) == {["spec", "containers", 0, "env", 0, "value"]}
	}
	every line in [
		["--otlp-traces-endpoint=http://otel.example.com:4317"], ["--otlp-traces-endpoint", "http://otel.example.com:4317"],
		["curl -O http://otel.example.com:4317"], ["curl 'http://otel.example.com:4317';"],
	] {
		rows := rule.warn with input as _pod({"args": line})
		{row.remedy | some row in rows} == {"Write https://otel.example.com:4317."}
		rule.deny == set() with input as _pod({"args": line})
	}
}

test_warns_of_plain_text_inside_the_cluster if {
	every host in ["minio", "minio.storage.svc", "minio.storage.svc.cluster.local:9000", "minio.ployd-models:9000", "minio.minio"] {
		document := _env({"AWS_ENDPOINT_URL": sprintf("http://%s", [host])})
		rule.deny == set() with input as document
		rule.warn == {{
			"msg": sprintf("%s is http://%s: plain text between pods, for everybody who can listen in the cluster", [
				"AWS_ENDPOINT_URL of container vllm",
				host,
			]),
			"path": ["spec", "containers", 0, "env", 0, "value"],
			"remedy": "Write https, or let a mesh encrypt it and set insideCluster of security.encrypted_transport to false.",
		}} with input as document
		rule.warn == set() with input as object.union(document, _quiet)
	}
	rows := rule.deny with input as object.union(_env({"AWS_ENDPOINT_URL": "http://minio.example"}), _quiet)
	count(rows) == 1
}

test_allows_what_stays_in_the_pod_and_what_is_encrypted if {
	every value in [
		"https://s3.example.com", "http://localhost:8000", "http://127.0.0.1", "http://[::1]:8000", "http://169.254.169.254/latest",
		"http://$(NODE_IP):9000", "http://${HOST}/", "s3://bucket", "", "httpbin", "see http://example.com", "minio:9000",
	] {
		rule.deny == set() with input as _env({"AWS_ENDPOINT_URL": value})
		rule.warn == set() with input as _env({"AWS_ENDPOINT_URL": value})
	}
	every name in ["HTTP_PROXY", "https_proxy", "NO_PROXY", "ALL_PROXY"] {
		rule.deny == set() with input as _env({name: "http://proxy.example.com:3128"})
		rule.warn == set() with input as _env({name: "http://proxy.example.com:3128"})
	}
	every place in ["s3://m/a", "hf://a/b", "/models/a", "https://models.example.com/a"] {
		rule.deny == set() with input as _model({"path": place})
		rule.warn == set() with input as _model({"path": place})
	}
}

test_denies_switches_of_a_store if {
	rule.deny == {{
		"msg": "S3_USE_HTTPS \"0\" of container vllm switches encryption off",
		"path": ["spec", "containers", 0, "env", 0, "value"],
		"remedy": concat("", [
			"Remove S3_USE_HTTPS; your own authority's certificate goes into AWS_CA_BUNDLE, ",
			"REQUESTS_CA_BUNDLE or SSL_CERT_FILE.",
		]),
	}} with input as _env({"S3_USE_HTTPS": "0"})
	every name, value in {
		"S3_VERIFY_SSL": "0", "AWS_S3_USE_SSL": "False", "MINIO_SECURE": "no", "S3_USE_SSL": "off", "AWS_S3_VERIFY_SSL": "false",
		"PYTHONHTTPSVERIFY": "0", "NODE_TLS_REJECT_UNAUTHORIZED": "0", "REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": "",
		"GIT_SSL_NO_VERIFY": "true",
	} {
		rows := rule.deny with input as _env({name: value})
		count(rows) == 1
	}
	every name, value in {"S3_VERIFY_SSL": "1", "S3_USE_HTTPS": "true", "REQUESTS_CA_BUNDLE": "/etc/ca.pem", "GIT_SSL_NO_VERIFY": "false", "USE_SSL": "x"} {
		rule.deny == set() with input as _env({name: value})
		rule.warn == set() with input as _env({name: value})
	}
}

test_warns_of_switches_of_others if {
	rows := rule.warn with input as _env({"GATEWAY_INSECURE_SKIP_VERIFY": "true"})
	_messages(rows) == {"GATEWAY_INSECURE_SKIP_VERIFY \"true\" of container vllm accepts any certificate"}
	rule.deny == set() with input as _env({"GATEWAY_INSECURE_SKIP_VERIFY": "true"})
}

test_warns_of_a_store_in_the_cluster_without_encryption if {
	every endpoint in ["minio.storage.svc:9000", "http://minio:9000"] {
		document := _env({"S3_ENDPOINT": endpoint, "S3_USE_HTTPS": "0"})
		rule.deny == set() with input as document
		rows := rule.warn with input as document
		"S3_USE_HTTPS \"0\" of container vllm switches encryption off" in _messages(rows)
		rule.deny == set() with input as object.union(document, _quiet)
		rule.warn == set() with input as object.union(document, _quiet)
	}
	outside := rule.deny with input as _env({"S3_ENDPOINT": "minio.example.com", "S3_USE_HTTPS": "0"})
	count(outside) == 1
	unchecked := rule.deny with input as _env({"S3_ENDPOINT": "minio.storage.svc", "S3_VERIFY_SSL": "0"})
	count(unchecked) == 1
}

test_warns_of_flags_that_accept_any_certificate if {
	rule.warn == {{
		"msg": "--no-check-certificate of container vllm accepts any certificate",
		"path": ["spec", "containers", 0, "command", 2],
		"remedy": "Remove --no-check-certificate and give the program the certificate of your authority.",
	}} with input as _pod({"command": ["sh", "-c", "wget --no-check-certificate https://models.example.com/a; vllm serve a"]})
	every flag in ["--no-verify-ssl", "--insecure", "--trusted-host"] {
		rows := rule.warn with input as _pod({"args": [flag, "x"]})
		count(rows) == 1
	}
}

_serving(settings) := object.union(_pod({}), {"ployd": {"capacity": {"servers": [{
	"kind": "Pod",
	"path": ["spec", "containers", 0],
	"settings": {name: {"value": value, "path": [name]} | some name, value in settings},
}]}}})

test_denies_a_key_without_its_certificate if {
	rule.deny == {{
		"msg": "--ssl-keyfile has no --ssl-certfile beside it: the server stops before it listens",
		"path": ["ssl_keyfile"],
		"remedy": "Add --ssl-certfile with the certificate of the key.",
	}} with input as _serving({"ssl_keyfile": "/tls/tls.key"})
	rule.deny == set() with input as _serving({"ssl_keyfile": "/tls/tls.key", "ssl_certfile": "/tls/tls.crt"})
	rule.warn == set() with input as _serving({"ssl_keyfile": "/tls/tls.key", "ssl_certfile": "/tls/tls.crt"})
	rule.deny == set() with input as _serving({"model": "/models/a"})
	rule.warn == set() with input as _serving({"model": "/models/a"})
	models := rule.deny with input as _serving({"model": "http://models.example.com/a", "otlp_traces_endpoint": "http://a.example.com"})
	_paths(models) == {["model"]}
}

test_warns_of_an_ingress_without_tls if {
	rules := [{"host": "api.example.com"}, {"host": "models.example.com"}]
	rule.warn == {{
		"msg": "the Ingress serves models.example.com over plain http: no entry of tls covers it",
		"path": ["spec", "rules", 1, "host"],
		"remedy": "Add models.example.com to the hosts of an entry of spec.tls, with secretName.",
	}} with input as _ingress({}, {"rules": rules, "tls": [{"hosts": ["api.example.com"], "secretName": "api"}]})
	none := rule.warn with input as _ingress({}, {"rules": [{"http": {}}]})
	_messages(none) == {"the Ingress serves every host over plain http: no entry of tls covers it"}
	backend := rule.warn with input as _ingress({}, {"defaultBackend": {"service": {"name": "a"}}})
	_paths(backend) == {["spec", "defaultBackend"]}
}

test_allows_an_ingress_with_tls if {
	rules := [{"host": "api.example.com"}]
	every tls in [[{"hosts": ["api.example.com"]}], [{"hosts": ["*.example.com"]}], [{"secretName": "all"}], [{"hosts": []}]] {
		rule.deny == set() with input as _ingress({}, {"rules": rules, "tls": tls})
		rule.warn == set() with input as _ingress({}, {"rules": rules, "tls": tls})
	}
	rule.deny == set() with input as _ingress({"annotations": {"alb.ingress.kubernetes.io/certificate-arn": "arn:aws:acm:x"}}, {"rules": rules})
	rule.warn == set() with input as _ingress({"annotations": {"alb.ingress.kubernetes.io/certificate-arn": "arn:aws:acm:x"}}, {"rules": rules})
	every tls in [[{"hosts": ["*.api.example.com"]}], [{"hosts": ["example.com"]}], [], null] {
		rows := rule.warn with input as _ingress({}, {"rules": rules, "tls": tls})
		count(rows) == 1
	}
}

test_denies_an_unusable_parameter if {
	every value in ["false", 0, [], {}] {
		odd := {"ployd": {"parameters": {"security.encrypted_transport": {"insideCluster": value}}}}
		rows := rule.deny with input as object.union(_env({}), odd)
		_paths(rows) == {[]}
	}
}

test_never_fails_on_values_of_another_type if {
	every odd in [null, "", "x", 3, true, [], {}, ["x", null, 3], [{"name": 3, "value": 3, "hosts": 3, "host": 3}], {"a": null}] {
		every document in [
			_pod({"env": odd, "args": odd, "command": odd}),
			_env({"AWS_ENDPOINT_URL": odd, "S3_USE_HTTPS": odd}),
			_model(odd),
			_model({"path": odd, "vllm": odd, "env": odd}),
			_ingress(odd, odd),
			_ingress({"annotations": odd}, {"rules": odd, "tls": odd, "defaultBackend": odd}),
			_serving({"ssl_keyfile": odd, "model": odd}),
		] {
			denied := rule.deny with input as document
			is_set(denied)
			warned := rule.warn with input as document
			is_set(warned)
		}
	}
}

test_is_silent_on_other_kinds_and_deletions if {
	every document in [
		{"request": {"kind": {"group": "", "kind": "Service"}, "object": {"spec": {"rules": [{"host": "a"}]}}}},
		{"request": {"kind": {"group": "example.com", "kind": "Ingress"}, "object": {"spec": {"rules": [{"host": "a"}]}}}},
		{"request": {"kind": {"group": "networking.k8s.io", "kind": "Ingress"}, "object": null}},
		{"request": {"kind": {"group": "", "kind": "Pod"}, "object": null}},
		{"request": {"kind": {"group": "ployd.ai", "kind": "ModelDeployment"}, "object": null}},
	] {
		rule.deny == set() with input as document
		rule.warn == set() with input as document
	}
}
