package ployd.rules.security.model_artifacts_test

import data.ployd.rules.security.model_artifacts as rule

_storage := {"objectStorage": {"schemes": ["s3", "gs", "az"]}}

_vllm := ["spec", "model", "vllm"]

_args := ["spec", "containers", 0, "args"]

_written(settings) := {name: {"value": value, "path": [name]} | some name, value in settings}

_model(place, settings) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
		"object": {"spec": {"model": {"framework": "vllm", "path": place}}},
	},
	"ployd": {"capacity": {"servers": [{
		"owner": "the model server",
		"kind": "ModelDeployment",
		"path": ["spec", "model"],
		"settings": _written(settings),
		"model": {"written": place},
	}]}},
}

_pod(settings) := {
	"request": {"kind": {"group": "", "kind": "Pod"}, "object": {"spec": {}}},
	"ployd": {"capacity": {"servers": [{
		"owner": "container vllm",
		"kind": "Pod",
		"path": ["spec", "containers", 0],
		"settings": _written(settings),
		"model": {"written": object.get(settings, "model", "")},
	}]}},
}

_of(framework, place) := {"request": {
	"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
	"object": {"spec": {"model": {"framework": framework, "path": place}}},
}}

_messages(rows) := {row.msg | some row in rows}

test_denies_formats_that_read_pickles if {
	rule.deny == {{
		"msg": "load_format pt makes vLLM read *.pt files: pickles, which run the code they carry",
		"path": ["load_format"],
		"remedy": "Store the weights as *.safetensors and set load_format to safetensors.",
	}} with input as _model("hf://a/b", {"load_format": "pt"}) with data.ployd.vllm as _storage
	rule.warn == set() with input as _model("hf://a/b", {"load_format": "pt"}) with data.ployd.vllm as _storage
	rule.deny == {{
		"msg": "--load-format npcache makes vLLM read *.bin files: pickles, which run the code they carry",
		"path": ["load_format"],
		"remedy": "Store the weights as *.safetensors and set --load-format to mistral.",
	}} with input as _pod({"load_format": "NPCache", "model": "/models/a", "config_format": "mistral"})
}

test_denies_a_format_that_no_object_store_needs if {
	rows := rule.deny with input as _model("s3://m/a", {"load_format": "pt"}) with data.ployd.vllm as _storage
	{row.remedy | some row in rows} == {"Store the weights as *.safetensors and remove load_format."}
}

test_denies_random_weights if {
	rule.deny == {{
		"msg": "load_format dummy fills the model with random weights: it answers, with nonsense",
		"path": ["load_format"],
		"remedy": "Remove load_format; it is for profiling only.",
	}} with input as _model("s3://m/a", {"load_format": "dummy"}) with data.ployd.vllm as _storage
}

test_denies_pickle_files_by_their_name if {
	rule.deny == {{
		"msg": "path names a .bin file: a pickle, which runs the code it carries when it is read",
		"path": ["spec", "model", "path"],
		"remedy": "Convert the weights to *.safetensors and name their folder.",
	}} with input as _model("s3://m/pytorch_model.bin", {}) with data.ployd.vllm as _storage
	every ending in ["bin", "pt", "pth", "ckpt", "pkl", "pickle", "PT", "bin/"] {
		rows := rule.deny with input as _pod({"model": sprintf("/models/a.%s", [ending]), "load_format": "safetensors"})
		{row.path | some row in rows} == {["model"]}
	}
	adapters := rule.deny with input as _pod({"model": "s3://m/a", "lora_modules": "sql=/models/adapter.bin"})
		with data.ployd.vllm as _storage
	{row.path | some row in adapters} == {["lora_modules"]}
}

test_denies_pickle_files_of_other_servers_and_only_warns_of_pytorch_itself if {
	every framework in ["sglang", "tgi", "vllm", null] {
		rows := rule.deny with input as _of(framework, "s3://m/a.pt")
		count(rows) == 1
	}
	every framework in ["pytorch", "tensorflow", "onnx", "triton", "custom"] {
		rule.deny == set() with input as _of(framework, "s3://m/a.pt")
		rows := rule.warn with input as _of(framework, "s3://m/a.pt")
		_messages(rows) == {"path names a .pt file: a pickle, which runs the code it carries when it is read"}
	}
}

test_denies_leaving_the_safetensors_out if {
	row := {
		"msg": "--ignore-patterns leaves the *.safetensors out, so vLLM falls back to pickles",
		"path": ["ignore_patterns"],
		"remedy": "Remove --ignore-patterns.",
	}
	every patterns in ["*.safetensors", ["*.md", "model*.SafeTensors"]] {
		rule.deny == {row} with input as _model("s3://m/a", {"ignore_patterns": patterns}) with data.ployd.vllm as _storage
	}
	every patterns in ["original/**/*", ["*.bin", 3, null], null, 3, {}] {
		rule.deny == set() with input as _model("s3://m/a", {"ignore_patterns": patterns}) with data.ployd.vllm as _storage
	}
}

test_warns_where_vllm_takes_what_it_finds if {
	rule.warn == {{
		"msg": "nothing keeps vLLM from pickles: where hf://a/b has no *.safetensors it loads *.bin or *.pt without a word",
		"path": ["spec", "model", "vllm", "load_format"],
		"remedy": "Set load_format to safetensors.",
	}} with input as _model("hf://a/b", {}) with data.ployd.vllm as _storage
	rule.warn == {{
		"msg": "nothing keeps vLLM from pickles: where /models/a has no *.safetensors it loads *.bin or *.pt without a word",
		"path": ["spec", "containers", 0, "args"],
		"remedy": "Set --load-format to mistral.",
	}} with input as _pod({"model": "/models/a", "tokenizer_mode": "mistral"}) with data.ployd.vllm as _storage
	every format in ["auto", "AUTO", "hf"] {
		rows := rule.warn with input as _model("a/b", {"load_format": format}) with data.ployd.vllm as _storage
		{row.path | some row in rows} == {["load_format"]}
	}
}

test_warns_of_pickles_in_requests if {
	rule.warn == {{
		"msg": "--enable-prompt-embeds reads tensors that clients send with torch.load, as pickles",
		"path": ["enable_prompt_embeds"],
		"remedy": "Remove --enable-prompt-embeds, unless only trusted clients reach the server.",
	}} with input as _model("s3://m/a", {"enable_prompt_embeds": true}) with data.ployd.vllm as _storage
	rule.warn == set() with input as _model("s3://m/a", {"enable_prompt_embeds": false}) with data.ployd.vllm as _storage
}

test_allows_what_reads_safetensors_only if {
	every format in ["safetensors", "mistral", "runai_streamer", "fastsafetensors", "sharded_state", "tensorizer"] {
		rule.deny == set() with input as _model("hf://a/b", {"load_format": format}) with data.ployd.vllm as _storage
		rule.warn == set() with input as _model("hf://a/b", {"load_format": format}) with data.ployd.vllm as _storage
	}
	every place in ["s3://m/a", "gs://m/a", "az://m/a", "S3://m/a", "/models/a.gguf"] {
		rule.deny == set() with input as _model(place, {}) with data.ployd.vllm as _storage
		rule.warn == set() with input as _model(place, {}) with data.ployd.vllm as _storage
	}
	rule.warn == set() with input as _model("a/b", {"quantization": "bitsandbytes"}) with data.ployd.vllm as _storage
	rule.deny == set() with input as _of("sglang", "s3://m/sabin")
}

test_allows_an_open_format_where_the_environment_does if {
	loose := {"ployd": {"parameters": {"security.model_artifacts": {"explicit": false}}}}
	rule.warn == set() with input as object.union(_model("hf://a/b", {}), loose) with data.ployd.vllm as _storage
	rule.warn == set() with input as object.union(_pod({"model": "/models/a"}), loose) with data.ployd.vllm as _storage
}

test_never_fails_on_values_of_another_type if {
	every odd in [null, "", 3, true, [], {}, ["x", null], {"a": "b"}] {
		denied := rule.deny with input as _model(odd, {"load_format": odd, "ignore_patterns": odd, "quantization": odd})
		is_set(denied)
		warned := rule.warn with input as _pod({"model": odd, "load_format": odd, "config_format": odd})
		is_set(warned)
		stored := rule.warn with input as _model("a/b", {}) with data.ployd.vllm as {"objectStorage": {"schemes": odd}}
		count(stored) == 1
	}
}

test_is_silent_on_other_kinds_and_deletions if {
	route := {"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}, "object": {"spec": {"model": {"path": "a.bin"}}}}
	gone := {"kind": {"group": "ployd.ai", "kind": "ModelDeployment"}, "object": null}
	every request in [route, gone] {
		rule.deny == set() with input as {"request": request, "ployd": {"capacity": {"servers": []}}}
		rule.warn == set() with input as {"request": request}
	}
}
