package ployd.rules.vllm.object_storage_test

import data.ployd.rules.vllm.object_storage as rule

_vllm := {"objectStorage": {
	"schemes": ["s3", "gs", "az"],
	"formats": ["modelexpress", "runai_streamer", "runai_streamer_sharded"],
	"rewrittenFrom": "0.11",
}}

_written(settings) := {name: {"value": value, "path": [name]} | some name, value in settings}

_server(kind, path, settings, environment, text) := {
	"owner": "the model server",
	"kind": kind,
	"path": path,
	"version": {"text": text},
	"settings": _written(settings),
	"environment": _written(environment),
}

_of(spec, servers) := {
	"request": {"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"}, "object": {"spec": spec}},
	"ployd": {"capacity": {"servers": servers}},
}

_model(place, settings, text) := _of(
	{"model": {"path": place}},
	[_server("ModelDeployment", ["spec", "model"], settings, {}, text)],
)

_asking(model, spec, environment) := _of(
	object.union({"model": model}, spec),
	[_server("ModelDeployment", ["spec", "model"], {}, environment, "0.19.1")],
)

_pod(specification, settings, environment, text) := {
	"request": {"kind": {"group": "", "kind": "Pod"}, "object": {"spec": specification}},
	"ployd": {"capacity": {"servers": [_server("Pod", ["spec", "containers", 0], settings, environment, text)]}},
}

_related := [{"msg": "the path in an object store", "path": ["spec", "model", "path"]}]

test_denies_a_format_that_reads_no_object_store if {
	rule.deny == {{
		"msg": concat("", ["load_format is mistral, and vLLM reads s3://m/a only with modelexpress, runai_streamer or runai_streamer_sharded"]),
		"path": ["load_format"],
		"remedy": "Remove load_format; vLLM then takes runai_streamer.",
		"related": _related,
	}} with input as _model("s3://m/a", {"load_format": "mistral"}, "0.19.1") with data.ployd.vllm as _vllm
	every format in ["safetensors", "pt", "dummy", "tensorizer", "bitsandbytes", "SafeTensors"] {
		rows := rule.deny with input as _model("gs://m/a", {"load_format": format}, "") with data.ployd.vllm as _vllm
		{row.path | some row in rows} == {["load_format"]}
	}
	old := rule.deny with input as _model("az://m/a", {"load_format": "mistral"}, "0.10.2") with data.ployd.vllm as _vllm
	{row.remedy | some row in old} == {"Set load_format to runai_streamer."}
}

test_denies_what_an_old_version_takes_for_a_name_on_the_hub if {
	rule.deny == {{
		"msg": "vLLM 0.10.2 takes s3://m/a for a name on the Hugging Face hub; only from 0.11 on it chooses the streamer itself",
		"path": ["spec", "model", "vllm", "load_format"],
		"remedy": "Set load_format to runai_streamer, or take vLLM 0.11 or newer.",
		"related": _related,
	}} with input as _model("s3://m/a", {}, "0.10.2") with data.ployd.vllm as _vllm
	pods := rule.deny with input as _pod({}, {"model": "S3://m/a", "load_format": "auto"}, {}, "0.8.5") with data.ployd.vllm as _vllm
	{[row.path, row.remedy] | some row in pods} == {[
		["load_format"],
		"Set --load-format to runai_streamer, or take vLLM 0.11 or newer.",
	]}
}

test_denies_paths_on_a_command_line_that_others_mount if {
	remedies := {
		"hf://a/b": "Write a/b.",
		"hf://a/b/c/../d": "Write owner/name.",
		"pvc://claim/a": "Mount the volume and name the folder.",
		"oci://registry/a:v1": "Mount the image as a volume and name the folder.",
	}
	every place, remedy in remedies {
		rule.deny == {{
			"msg": sprintf("--model is %s, which vLLM takes for a name on the Hugging Face hub", [place]),
			"path": ["model"],
			"remedy": remedy,
		}} with input as _pod({}, {"model": place}, {}, "0.19.1") with data.ployd.vllm as _vllm
		rule.deny == set() with input as _model(place, {}, "0.19.1") with data.ployd.vllm as _vllm
	}
}

test_allows_the_streamer_and_what_it_is_chosen_for if {
	every format in ["auto", "runai_streamer", "runai_streamer_sharded", "modelexpress"] {
		rule.deny == set() with input as _model("s3://m/a", {"load_format": format}, "0.19.1") with data.ployd.vllm as _vllm
	}
	every text in ["0.11.0", "0.11.0rc1", "0.19.1", "", "latest"] {
		rule.deny == set() with input as _model("s3://m/a", {}, text) with data.ployd.vllm as _vllm
	}
	rule.deny == set() with input as _model("s3://m/a", {"load_format": "runai_streamer"}, "0.8.5") with data.ployd.vllm as _vllm
	every place in ["hf://a/b", "a/b", "/models/a", "pvc://c/a", "s3:/m"] {
		rule.deny == set() with input as _model(place, {"load_format": "mistral"}, "0.8.5") with data.ployd.vllm as _vllm
	}
	rule.deny == set() with input as _pod({}, {"model": "/models/a", "load_format": "pt"}, {}, "0.8.5") with data.ployd.vllm as _vllm
}

test_warns_of_half_a_key if {
	rule.warn == {{
		"msg": "the model server has AWS_ACCESS_KEY_ID and no AWS_SECRET_ACCESS_KEY, so it cannot sign a request for s3://m/a",
		"path": ["AWS_ACCESS_KEY_ID"],
		"remedy": "Add AWS_SECRET_ACCESS_KEY from the same Secret.",
	}} with input as _asking({"path": "s3://m/a"}, {}, {"AWS_ACCESS_KEY_ID": null}) with data.ployd.vllm as _vllm
	other := rule.warn with input as _pod({}, {"model": "s3://m/a"}, {"AWS_SECRET_ACCESS_KEY": null}, "") with data.ployd.vllm as _vllm
	{row.path | some row in other} == {["AWS_SECRET_ACCESS_KEY"]}
}

test_warns_where_no_credentials_can_be_there if {
	alone := {"AWS_EC2_METADATA_DISABLED": "true"}
	rule.warn == {{
		"msg": concat("", [
			"the model server reads s3://m/a without credentials: the node is not asked, ",
			"and it has no Secret and no ServiceAccount",
		]),
		"path": ["AWS_EC2_METADATA_DISABLED"],
		"remedy": "Set spec.model.credentials.secretRef.name or spec.serviceAccountName, or remove AWS_EC2_METADATA_DISABLED.",
	}} with input as _asking({"path": "s3://m/a"}, {}, alone) with data.ployd.vllm as _vllm
	pods := rule.warn with input as _pod({"serviceAccountName": "default"}, {"model": "s3://m/a"}, alone, "") with data.ployd.vllm as _vllm
	{row.remedy | some row in pods} == {"Set serviceAccountName or the variables from a Secret, or remove AWS_EC2_METADATA_DISABLED."}
}

test_allows_credentials_that_may_be_there if {
	alone := {"AWS_EC2_METADATA_DISABLED": "true"}
	secret := {"path": "s3://m/a", "credentials": {"secretRef": {"name": "weights"}}}
	bucket := {"path": "s3://m/a"}
	every document in [
		_asking(bucket, {}, {}),
		_asking(secret, {}, alone),
		_asking(secret, {}, {"AWS_ACCESS_KEY_ID": null}),
		_asking(bucket, {"serviceAccountName": "reader"}, alone),
		_asking(bucket, {}, {"AWS_ACCESS_KEY_ID": null, "AWS_SECRET_ACCESS_KEY": null, "AWS_EC2_METADATA_DISABLED": "true"}),
		_asking(bucket, {}, {"AWS_PROFILE": "weights", "AWS_EC2_METADATA_DISABLED": "true"}),
		_asking(bucket, {}, {"AWS_EC2_METADATA_DISABLED": "false"}),
		_asking({"path": "gs://m/a"}, {}, alone),
		_pod({"serviceAccountName": "reader"}, {"model": "s3://m/a"}, alone, ""),
		_pod({"containers": [{"envFrom": [{"secretRef": {"name": "weights"}}]}]}, {"model": "s3://m/a"}, alone, ""),
	] {
		rule.warn == set() with input as document with data.ployd.vllm as _vllm
		rule.deny == set() with input as document with data.ployd.vllm as _vllm
	}
}

test_never_fails_on_values_of_another_type if {
	every odd in [null, "", 3, true, [], {}, ["x", null], {"a": "b"}] {
		first := rule.deny with input as _model(odd, {"load_format": odd}, odd) with data.ployd.vllm as _vllm
		is_set(first)
		second := rule.warn with input as _asking({"path": "s3://m/a"}, {"serviceAccountName": odd}, {"AWS_EC2_METADATA_DISABLED": odd})
			with data.ployd.vllm as _vllm
		is_set(second)
		third := rule.deny with input as _pod(odd, {"model": "s3://m/a"}, {}, "0.8.5")
			with data.ployd.vllm as {"objectStorage": {"schemes": odd, "formats": odd, "rewrittenFrom": odd}}
		third == set()
	}
}

test_is_silent_on_other_kinds_and_deletions_and_without_data if {
	route := {"request": {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": {"spec": {}}}}
	gone := {"request": {"kind": {"group": "ployd.ai", "kind": "ModelDeployment"}, "object": null}}
	other := _of({"model": {"path": "s3://m/a", "framework": "sglang"}}, [])
	every document in [route, gone, other] {
		rule.deny == set() with input as document with data.ployd.vllm as _vllm
		rule.warn == set() with input as document with data.ployd.vllm as _vllm
	}
	rule.deny == set() with input as _model("s3://m/a", {"load_format": "pt"}, "0.8.5") with data.ployd.vllm as {}
}
