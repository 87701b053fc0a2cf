package ployd.rules.security.literal_secrets_test

import data.ployd.rules.security.literal_secrets as rule

_signs := "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Put together here, so that no scanner takes this file for a leak.
_hub := concat("", ["hf", "_", substring(_signs, 0, 34)])

_pod(container) := {"request": {
	"kind": {"group": "", "kind": "Pod"},
	"object": {"spec": {"containers": [object.union({"name": "vllm"}, container)]}},
}}

_env(name, value) := _pod({"env": [{"name": "A", "value": "b"}, {"name": name, "value": value}]})

_model(model) := {"request": {
	"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
	"object": {"spec": {"model": model}},
}}

_object(group, kind, fields) := {"request": {"kind": {"group": group, "kind": kind}, "object": fields}}

_paths(rows) := {row.path | some row in rows}

_messages(rows) := {row.msg | some row in rows}

test_denies_variables_whose_name_says_it if {
	rule.deny == {{
		"msg": "variable DB_PASSWORD of container vllm has its value in plain text, and by its name it is a secret",
		"path": ["spec", "containers", 0, "env", 1, "value"],
		"remedy": "Write valueFrom.secretKeyRef in place of value, and revoke what stood here.",
	}} with input as _env("DB_PASSWORD", "hunter2")
	every name in [
		"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "TOKEN", "token", "hfToken", "VLLM_API_KEY", "OPENAI_APIKEY", "AWS_SECRET_ACCESS_KEY",
		"MINIO_ACCESS_KEY", "AWS_SESSION_TOKEN", "CLIENT_SECRET", "SECRET", "GOOGLE_CREDENTIALS", "TLS_PRIVATE_KEY", "MYSQL_PWD",
		"DB_PASS", "PGPASSWORD", "WANDB_API_KEY_2", "TOKEN1", "keystore-passphrase",
	] {
		rows := rule.deny with input as _env(name, "q8fj2hfq")
		count(rows) == 1
	}
}

test_allows_names_that_only_sound_like_it if {
	every name in [
		"TOKENIZERS_PARALLELISM", "MAX_TOKENS", "TOKEN_LIMIT", "VLLM_MAX_TOKEN_LIMIT", "EOS_TOKEN", "COST_PER_TOKEN", "PASSWORD_FILE",
		"HF_TOKEN_PATH", "TOKENIZER", "SECRET_NAME", "IMAGE_PULL_SECRET", "TLS_SECRET", "AWS_ACCESS_KEY_ID", "API_KEY_HEADER", "PWD",
		"PUBLIC_KEY", "MONKEY", "COMPASS", "TOKEN_URL", "KEY", "PARTITION_KEY",
	] {
		rule.deny == set() with input as _env(name, "q8fj2hfq")
		rule.warn == set() with input as _env(name, "q8fj2hfq")
	}
}

test_allows_what_is_no_value if {
	every value in [
		"", " ", "true", "False", "0", "1", "none", "EMPTY", "dummy", "***", "xxxx", "<token>", "<path:secret/data/hub#token>", "${HF_TOKEN}",
		"$(HF_TOKEN)", "$HF_TOKEN", "{{ .Values.token }}", "/var/run/secrets/token", "./token", "file:///secrets/token",
		"vault:secret/data/hub#token", "op://models/hub/token", "projects/1/secrets/hub", "arn:aws:secretsmanager:eu-west-1:1:secret:hub",
		"ENC[AES256_GCM,data:abc]", "Bearer ${TOKEN}",
	] {
		rule.deny == set() with input as _env("HF_TOKEN", value)
	}
	rule.deny == set() with input as _env("CONTEXT_TOKEN", "4096")
	rule.deny == set() with input as _pod({"env": [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}}]})
}

_join(parts) := concat("", parts)

test_denies_tokens_by_their_form if {
	long := concat("", [_signs, _signs])
	expected := {
		_hub: "a Hugging Face token",
		_join(["sk", "-proj-", substring(_signs, 0, 24)]): "an API key of OpenAI's form",
		_join(["sk", "-", substring(_signs, 0, 24)]): "an API key of OpenAI's form",
		_join(["AKIA", "IOSFODNN7EXAMPLE"]): "an AWS access key",
		_join(["gh", "p_", substring(_signs, 0, 36)]): "a GitHub token",
		_join(["glpat", "-", substring(_signs, 0, 20)]): "a GitLab token",
		_join(["xox", "b-", substring(_signs, 0, 20)]): "a Slack token",
		_join(["https://hooks.slack.com/services/T0", "AB/B1CD/", substring(_signs, 0, 24)]): "a Slack webhook",
		_join(["AIza", substring(_signs, 0, 35)]): "a Google API key",
		_join(["nvapi", "-", substring(_signs, 0, 60)]): "an NVIDIA API key",
		_join(["hvs", ".", substring(_signs, 0, 30)]): "a Vault token",
		_join(["AccountKey=", substring(long, 0, 86), "=="]): "an Azure storage key",
		_join(["https://a.blob.core.windows.net/m?sig=", substring(_signs, 0, 43)]): "a signature of an Azure URL",
		_join(["eyJ", substring(_signs, 0, 20), ".eyJ", substring(_signs, 0, 20), ".", substring(_signs, 0, 20)]): "a JSON web token",
		_join(["-----BEGIN RSA ", "PRIVATE KEY-----\nMII"]): "a private key",
		_join(["Authorization: Bearer ", substring(_signs, 0, 30)]): "a bearer token",
		"postgres://app:hunter2@db.example.com/models": "a URL with a password",
		"redis://:hunter2@redis:6379": "a URL with a password",
	}
	every text, kind in expected {
		rule.deny == {{
			"msg": sprintf("variable SETTING of container vllm holds %s in plain text", [kind]),
			"path": ["spec", "containers", 0, "env", 1, "value"],
			"remedy": "Write valueFrom.secretKeyRef in place of value, and revoke what stood here.",
		}} with input as _env("SETTING", text)
		rows := rule.deny with input as _env("SETTING", sprintf("a=%s b", [text]))
		count(rows) == 1
	}
}

test_allows_what_only_looks_like_a_token if {
	every text in [
		"hf_transfer", "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "task-0123456789abcdefghijklmn", "sk-learn-model", "AKIA", "Bearer token",
		"a bearer of a-very-long-name-without-figures", "https://host:8000/path@x", "postgres://app:${PASSWORD}@db", "postgres://app@db/models",
		"redis://:$(PASSWORD)@redis:6379", "oci://registry:5000/m@sha256:00", "-----BEGIN CERTIFICATE-----", "postgres://%s:%s@db",
		"ssh://git@github.com/a/b", "eyJhbGciOi", "xox", "http://[::1]:8080/",
	] {
		rule.deny == set() with input as _env("SETTING", text)
	}
}

test_never_shows_the_secret if {
	every document in [
		_env("HF_TOKEN", _hub),
		_env("HF_TOKEN", "hunter2-hunter2"),
		_pod({"args": ["--api-key=hunter2-hunter2", _hub, "--url=https://a:hunter2-hunter2@b"]}),
		_object("", "ConfigMap", {"data": {"token": "hunter2-hunter2", "f": "x: 1\npassword: hunter2-hunter2\n"}}),
		_object("", "Secret", {"stringData": {"token": "hunter2-hunter2"}}),
	] {
		denied := rule.deny with input as document
		warned := rule.warn with input as document
		said := json.marshal([denied, warned])
		count(denied) > 0
		not contains(said, "hunter2")
		not contains(said, _hub)
	}
}

test_denies_arguments if {
	rule.deny == {
		{
			"msg": "argument --api-key of container vllm has its value in plain text, and by its name it is a secret",
			"path": ["spec", "containers", 0, "args", 1],
			"remedy": "Remove it and set the variable VLLM_API_KEY from a Secret; revoke what stood here.",
		},
		{
			"msg": "argument --redis-password of container vllm has its value in plain text, and by its name it is a secret",
			"path": ["spec", "containers", 0, "args", 3],
			"remedy": "Give the program a variable or a file from a Secret, and revoke what stood here.",
		},
	} with input as _pod({"args": ["--model=/models/a", "--api-key=abc123", "--redis-password", "hunter2"]})
	every line in ["--hf_token=q8fj2hfq", "-token=q8fj2hfq", "--HF-TOKEN=q8fj2hfq", "--api-key='q8fj2hfq'"] {
		rows := rule.deny with input as _pod({"args": [line]})
		_paths(rows) == {["spec", "containers", 0, "args", 0]}
	}
}

test_denies_secrets_in_scripts if {
	script := "export HF_TOKEN=q8fj2hfq; DB_PASSWORD='hunter2' vllm serve /m --api-key abc123"
	rows := rule.deny with input as _pod({"command": ["sh", "-c", script]})
	_messages(rows) == {
		"variable HF_TOKEN in the command of container vllm has its value in plain text, and by its name it is a secret",
		"variable DB_PASSWORD in the command of container vllm has its value in plain text, and by its name it is a secret",
		"argument --api-key of container vllm has its value in plain text, and by its name it is a secret",
	}
	_paths(rows) == {["spec", "containers", 0, "command", 2]}
	header := rule.deny with input as _pod({"command": ["curl", "-H", sprintf("Authorization: Bearer %s", [_signs])]})
	_messages(header) == {"an argument of container vllm holds a bearer token in plain text"}
}

test_denies_tokens_in_scripts_too_long_to_take_apart if {
	filler := concat("", ["true; " | some _ in numbers.range(1, 12000)])
	rows := rule.deny with input as _pod({"command": ["sh", "-c", concat("", [filler, "TOKEN=q8fj2hfq ", _hub])]})
	_messages(rows) == {"an argument of container vllm holds a Hugging Face token in plain text"}
}

test_allows_arguments_that_hold_none if {
	rule.deny == set() with input as _pod({
		"command": ["sh", "-c", "TOKEN=$(cat /run/token) PASSWORD=$PASSWORD exec vllm serve --api-key \"$VLLM_API_KEY\""],
		"args": [
			"--hf-token", "--max-num-batched-tokens=8192", "--api-key=$(VLLM_API_KEY)", "--return-tokens-as-token-ids",
			"--tokenizer", "org/name", "--ssl-keyfile=/tls/tls.key", "--token", "-x", "--password-file=/run/p",
		],
	})
}

test_denies_secrets_of_a_model_deployment if {
	model := {
		"env": [{"name": "HF_TOKEN", "value": "q8fj2hfq"}, {"name": "HF_HOME", "value": "/cache"}],
		"vllm": {"extraArgs": ["--hf-token=q8fj2hfq"], "tokenizer": sprintf("s3://%s", [_hub])},
	}
	rule.deny == {
		{
			"msg": "variable HF_TOKEN of the model server has its value in plain text, and by its name it is a secret",
			"path": ["spec", "model", "env", 0, "value"],
			"remedy": "Write valueFrom.secretKeyRef in place of value, and revoke what stood here.",
		},
		{
			"msg": "argument --hf-token of the model server has its value in plain text, and by its name it is a secret",
			"path": ["spec", "model", "vllm", "extraArgs", 0],
			"remedy": "Remove it and set the variable HF_TOKEN from a Secret; revoke what stood here.",
		},
		{
			"msg": "spec.model.vllm.tokenizer holds a Hugging Face token in plain text",
			"path": ["spec", "model", "vllm", "tokenizer"],
			"remedy": "Refer to a Secret instead, and revoke what stood here.",
		},
	} with input as _model(model)
	key := {"spec": {"model": {"credentials": {"secretRef": {"name": "hub-token", "key": "token"}}}}}
	rule.deny == set() with input as _object("ployd.ai", "ModelDeployment", key)
	rule.warn == set() with input as _object("ployd.ai", "ModelDeployment", key)
}

test_denies_config_maps if {
	rows := rule.deny with input as _object("", "ConfigMap", {"data": {
		"db-password": "hunter2",
		"url": "postgres://a:hunter2@db",
		"server.key": "-----BEGIN PRIVATE KEY-----\nx",
		"log-level": "info",
		"tokenizer.json": "{}",
	}})
	{[row.msg, row.path, row.remedy] | some row in rows} == {
		[
			"key db-password of the ConfigMap has its value in plain text, and by its name it is a secret",
			["data", "db-password"],
			"Move it into a Secret, and revoke what stood here.",
		],
		[
			"key url of the ConfigMap holds a URL with a password in plain text",
			["data", "url"],
			"Move it into a Secret, and revoke what stood here.",
		],
		[
			"key server.key of the ConfigMap holds a private key in plain text",
			["data", "server.key"],
			"Move it into a Secret, and revoke what stood here.",
		],
	}
}

test_warns_of_lines_in_files if {
	file := "log: info\ndb:\n  password: hunter2\n  \"api_key\": 'q8fj2hfq'\ntoken_file: /run/token\nmax_tokens: 100\nsecret: ${X}\n"
	rule.warn == {{
		"msg": "key app.yaml of the ConfigMap has lines with a value in plain text that by its name may be a secret: api_key, password",
		"path": ["data", "app.yaml"],
		"remedy": "Move it into a Secret, and revoke what stood here.",
	}} with input as _object("", "ConfigMap", {"data": {"app.yaml": file}})
	rule.deny == set() with input as _object("", "ConfigMap", {"data": {"app.yaml": file}})
	code := "import os\ntoken = os.environ['T']\npassword = settings.password\nkey: x\nsecret: {name: a}\n"
	rule.warn == set() with input as _object("", "ConfigMap", {"data": {"app.py": code}})
	many := "a_token: q1\nb_token: q2\nc_token: q3\nd_token: q4\n"
	rows := rule.warn with input as _object("", "ConfigMap", {"data": {"f": many}})
	_messages(rows) == {concat("", [
		"key f of the ConfigMap has lines with a value in plain text that by its name may be a secret: ",
		"a_token, b_token, c_token and 1 more",
	])}
}

test_denies_and_warns_of_values_for_charts if {
	application := {"spec": {"source": {"helm": {
		"parameters": [{"name": "hub.token", "value": "q8fj2hfq"}, {"name": "replicas", "value": "2"}],
		"valuesObject": {"auth": {"password": "hunter2", "existingSecret": "a", "keys": [_hub]}},
		"values": "auth:\n  password: hunter2\n",
	}}}}
	denied := rule.deny with input as _object("argoproj.io", "Application", application)
	_messages(denied) == {"spec.source.helm.valuesObject.auth.keys.0 holds a Hugging Face token in plain text"}
	warned := rule.warn with input as _object("argoproj.io", "Application", application)
	_messages(warned) == {
		"spec.source.helm.parameters.0.value has its value in plain text, and by its name it may be a secret",
		"spec.source.helm.valuesObject.auth.password has its value in plain text, and by its name it may be a secret",
		"spec.source.helm.values has lines with a value in plain text that by its name may be a secret: password",
	}
	release := {"spec": {"values": {"hfToken": "q8fj2hfq"}}}
	rows := rule.warn with input as _object("helm.toolkit.fluxcd.io", "HelmRelease", release)
	_paths(rows) == {["spec", "values", "hfToken"]}
}

test_denies_annotations if {
	rule.deny == {{
		"msg": "annotation note holds a Hugging Face token in plain text",
		"path": ["metadata", "annotations", "note"],
		"remedy": "Take it out of the annotation, and revoke what stood here.",
	}} with input as _object("ployd.ai", "GatewayRoute", {"metadata": {"annotations": {"note": sprintf("use %s", [_hub]), "x": "y"}}})
}

test_denies_a_secret_in_a_repository if {
	secret := {"type": "Opaque", "data": {"token": "aHVudGVyMg==", "ca.crt": "eA=="}, "stringData": {"password": "hunter2"}}
	rule.deny == {
		{
			"msg": "the Secret is committed with its values, under data: token",
			"path": ["data", "token"],
			"remedy": "Commit an ExternalSecret or a SealedSecret in its place, and revoke these values: the history of Git keeps them.",
		},
		{
			"msg": "the Secret is committed with its values, under stringData: password",
			"path": ["stringData", "password"],
			"remedy": "Commit an ExternalSecret or a SealedSecret in its place, and revoke these values: the history of Git keeps them.",
		},
	} with input as _object("", "Secret", secret)
	url := {"stringData": {"type": "git", "url": "https://a:hunter2@git.example.com/r", "tls.crt": "-----BEGIN PRIVATE KEY-----"}}
	rows := rule.deny with input as _object("", "Secret", url)
	_messages(rows) == {"the Secret is committed with its values, under stringData: tls.crt, url"}
}

test_allows_secrets_where_they_belong if {
	every fields in [
		{"type": "kubernetes.io/service-account-token", "metadata": {"annotations": {"kubernetes.io/service-account.name": "a"}}},
		{"data": {}, "stringData": null},
		{"stringData": {"token": "ENC[AES256_GCM,data:abc]", "password": "<path:secret/data/a#b>", "user": "app", "empty": ""}},
		{"data": {"token": "PHBhdGg6c2VjcmV0L2RhdGEvYSNiPg==", "chain.pem": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"}},
		{"stringData": {"type": "git", "url": "https://github.com/a/b", "chain.pem": "-----BEGIN CERTIFICATE-----"}},
	] {
		rule.deny == set() with input as _object("", "Secret", fields)
	}
	running := object.union(_object("", "Secret", {"data": {"token": "aHVudGVyMg=="}}), {"request": {"userInfo": {"username": "cert-manager"}}})
	rule.deny == set() with input as running
	nobody := object.union(_object("", "Secret", {"data": {"token": "aHVudGVyMg=="}}), {"request": {"userInfo": {"username": ""}}})
	rows := rule.deny with input as nobody
	count(rows) == 1
	rule.deny == set() with input as _object("bitnami.com", "SealedSecret", {"spec": {"encryptedData": {"token": "AgB"}}})
}

test_finds_them_in_every_workload_and_kind_of_container if {
	pod := {
		"initContainers": [{"name": "fetch", "env": [{"name": "HF_TOKEN", "value": "q8fj2hfq"}]}],
		"ephemeralContainers": [{"name": "debug", "args": ["--token=q8fj2hfq"]}],
	}
	cron := _object("batch", "CronJob", {"spec": {"jobTemplate": {"spec": {"template": {"spec": pod}}}}})
	base := ["spec", "jobTemplate", "spec", "template", "spec"]
	rows := rule.deny with input as cron
	_paths(rows) == {
		array.concat(base, ["initContainers", 0, "env", 0, "value"]),
		array.concat(base, ["ephemeralContainers", 0, "args", 0]),
	}
}

test_never_fails_on_values_of_another_type if {
	every odd in [null, "", "x", 3, true, [], {}, ["x", null, 3], [{"name": 3, "value": 3}], [{"name": "a", "value": "b"}], {"a": null}] {
		every document in [
			_pod({"env": odd, "args": odd, "command": odd}),
			_env("HF_TOKEN", odd),
			_model(odd),
			_model({"env": odd, "vllm": {"extraArgs": odd}}),
			_model({"vllm": odd}),
			_object("", "ConfigMap", {"data": odd}),
			_object("", "Secret", {"data": odd, "stringData": odd, "metadata": odd}),
			_object("", "Secret", odd),
			_object("argoproj.io", "Application", {"spec": odd, "metadata": {"annotations": odd}}),
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
		_object("", "Service", {"data": {"password": "hunter2"}}),
		_object("example.com", "Secret", {"data": {"password": "hunter2"}}),
		_object("", "Secret", null),
		_object("", "Pod", null),
		_object("", "ConfigMap", null),
	] {
		rule.deny == set() with input as document
		rule.warn == set() with input as document
	}
}
