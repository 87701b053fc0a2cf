# METADATA
# title: Weights are safetensors, not pickles
# description: >-
#   A .bin or .pt file is a pickle: reading it runs what its author put in, with the rights of the model server. vLLM reads
#   them with torch.load(weights_only=True), and that has been got round twice. Under load_format auto vLLM takes pickles
#   wherever it finds no safetensors, and says nothing. The format dummy makes random weights: the server answers, with
#   nonsense. Paths in an object store are read by a streamer that knows safetensors only.
# related_resources:
# - ref: https://nvd.nist.gov/vuln/detail/CVE-2025-32434
#   description: torch.load with weights_only=True runs code before torch 2.6
# - ref: https://github.com/pytorch/pytorch/security/advisories/GHSA-63cw-57p8-fm3p
#   description: The same for torch before 2.10 (CVE-2026-24747)
# - ref: https://github.com/vllm-project/vllm/pull/12366
#   description: vLLM ran whatever a checkpoint from the hub told it to (GHSA-rh4j-5rhw-hr54)
# - ref: https://github.com/vllm-project/vllm/blob/main/vllm/model_executor/model_loader/default_loader.py
#   description: Which files each load_format reads; auto falls back from *.safetensors to *.bin and *.pt
# - ref: https://github.com/vllm-project/vllm/pull/30649
#   description: Tensors that clients send with requests are pickles too (CVE-2025-62164)
# custom:
#   severity: error
#   scope: object
#   level: full
#   kinds:
#   - ModelDeployment
#   - Pod
#   - PodTemplate
#   - ReplicationController
#   - DaemonSet
#   - Deployment
#   - ReplicaSet
#   - StatefulSet
#   - CronJob
#   - Job
#   remedy: Store the weights as *.safetensors and leave load_format out, or set it to safetensors.
#   prevents: Code of whoever wrote the weights runs in the model server, with its token, its network and its GPUs.
package ployd.rules.security.model_artifacts

import data.ployd.lib.parameters
import data.ployd.lib.serving
import data.ployd.lib.sources
import data.ployd.lib.values

deny contains row if {
	some server in _servers
	files := _pickles[_format(server)]
	row := {
		"msg": sprintf("%s %s makes vLLM read %s files: pickles, which run the code they carry", [
			serving.setting_name(server, "load_format"),
			_format(server),
			files,
		]),
		"path": serving.setting_path(server, "load_format"),
		"remedy": _to_safetensors(server),
	}
}

deny contains row if {
	some server in _servers
	_format(server) == "dummy"
	row := {
		"msg": sprintf("%s dummy fills the model with random weights: it answers, with nonsense", [serving.setting_name(server, "load_format")]),
		"path": serving.setting_path(server, "load_format"),
		"remedy": sprintf("Remove %s; it is for profiling only.", [serving.setting_name(server, "load_format")]),
	}
}

deny contains row if {
	some found in _pickled
	found.strict
	row := found.row
}

deny contains row if {
	some server in _servers
	patterns := serving.setting(server, "ignore_patterns")
	_names_safetensors(patterns)
	row := {
		"msg": "--ignore-patterns leaves the *.safetensors out, so vLLM falls back to pickles",
		"path": serving.setting_path(server, "ignore_patterns"),
		"remedy": "Remove --ignore-patterns.",
	}
}

warn contains row if {
	some found in _pickled
	not found.strict
	row := found.row
}

warn contains row if {
	not _parameters.explicit == false
	some source in sources.of(input)
	source.role == "model"
	_falls_back(source)
	row := {
		"msg": sprintf("nothing keeps vLLM from pickles: where %s has no *.safetensors it loads *.bin or *.pt without a word", [sources.shown(source.text)]),
		"path": serving.setting_path(source.server, "load_format"),
		"remedy": sprintf("Set %s to %s.", [serving.setting_name(source.server, "load_format"), _safe(source.server)]),
	}
}

warn contains row if {
	some server in _servers
	serving.setting(server, "enable_prompt_embeds") == true
	row := {
		"msg": "--enable-prompt-embeds reads tensors that clients send with torch.load, as pickles",
		"path": serving.setting_path(server, "enable_prompt_embeds"),
		"remedy": "Remove --enable-prompt-embeds, unless only trusted clients reach the server.",
	}
}

_parameters := parameters.of(input, "security.model_artifacts")

_servers := serving.servers(input)

# Formats that read pickles, with the files they read.
_pickles := {"pt": "*.pt", "npcache": "*.bin"}

# vLLM takes formats in any capitals.
_format(server) := lower(value) if {
	value := serving.setting(server, "load_format")
	is_string(value)
}

_to_safetensors(server) := sprintf("Store the weights as *.safetensors and remove %s.", [serving.setting_name(server, "load_format")]) if {
	_is_streamed(server.model.written)
} else := sprintf("Store the weights as *.safetensors and set %s to %s.", [
	serving.setting_name(server, "load_format"),
	_safe(server),
])

# Mistral's own checkpoints are consolidated*.safetensors.
_safe(server) := "mistral" if {
	some setting in ["config_format", "tokenizer_mode"]
	serving.setting(server, setting) == "mistral"
} else := "safetensors"

# Files that are pickles by their name. A server of PyTorch itself may have nothing else to read.
_pickled contains found if {
	some source in sources.of(input)
	file := lower(trim_right(source.text, "/"))
	some ending in [".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"]
	endswith(file, ending)
	row := {
		"msg": sprintf("%s names a %s file: a pickle, which runs the code it carries when it is read", [source.name, ending]),
		"path": source.path,
		"remedy": "Convert the weights to *.safetensors and name their folder.",
	}
	found := {"strict": _is_strict(source), "row": row}
}

_is_strict(source) := false if {
	source.server == {}
	input.request.object.spec.model.framework in {"pytorch", "tensorflow", "onnx", "triton", "custom"}
} else := true

_names_safetensors(patterns) if {
	is_string(patterns)
	contains(lower(patterns), "safetensors")
}

_names_safetensors(patterns) if {
	some pattern in values.list(patterns)
	is_string(pattern)
	contains(lower(pattern), "safetensors")
}

# Read by the loader that takes what it finds: the format is open, and the place is not an object store.
_falls_back(source) if {
	source.server != {}
	_is_open(source.server)
	place := source.text
	not _is_streamed(place)
	not endswith(place, ".gguf")
}

_is_open(server) if _format(server) in {"auto", "hf"}

_is_open(server) if {
	format := object.get(object.get(server.settings, "load_format", {}), "value", null)
	format == null
	not _has_own_loader(server)
}

# bitsandbytes has its own loader, which no load_format takes away.
_has_own_loader(server) if serving.setting(server, "quantization") in {"bitsandbytes", "gguf"}

_is_streamed(place) if {
	some scheme in values.list(data.ployd.vllm.objectStorage.schemes)
	startswith(lower(place), sprintf("%v://", [scheme]))
}
