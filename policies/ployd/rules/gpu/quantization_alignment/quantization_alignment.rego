# METADATA
# title: Tensor parallelism leaves whole groups of quantized weights
# description: >-
#   Quantized weights share a scale in groups or blocks, mostly of 128. A tensor parallel share that ends inside one cannot
#   be loaded: vLLM stops, and kernels of some versions answer with nonsense instead. Publishers pad the width of some
#   checkpoints for that reason, so figures of the catalogue give a warning where the object's own give an error.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/issues/21695
#   description: AWQ with a width of 29568, and the formula
# - ref: https://github.com/vllm-project/vllm/issues/25292
#   description: Qwen3-30B-A3B-FP8 at tensor parallel size 4
# - ref: https://github.com/vllm-project/vllm/issues/17569
#   description: Blocks of 128 and a share of 192, in vLLM's words
# - ref: https://github.com/QwenLM/Qwen3/issues/698
#   description: What tensor parallelism has to divide, and padding as the way out
# - ref: https://huggingface.co/Qwen/Qwen2-VL-72B-Instruct-GPTQ-Int8/blob/main/config.json
#   description: A checkpoint that was padded from 29568 to 29696
# custom:
#   severity: error
#   scope: object
#   level: basic
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
#   remedy: Set tensor_parallel_size such that each GPU gets whole groups, or take a checkpoint that was padded.
#   prevents: The input size is not aligned with the quantized weight shape. This can be caused by too large tensor parallel size.
package ployd.rules.gpu.quantization_alignment

import data.ployd.lib.numbers
import data.ployd.lib.serving
import data.ployd.lib.text
import data.ployd.lib.values

deny contains row if {
	some server in serving.servers(input)
	some refusal in values.list(server.refusals)
	refusal.term == "quantization_block"

	# Whole experts on each GPU are not divided.
	not server.settings.enable_expert_parallel.value == true
	name := serving.setting_name(server, "tensor_parallel_size")
	row := {
		"msg": sprintf("vLLM cannot divide %v (%v, %v %v)", [refusal.text, server.model.name, name, server.parallel.tensor]),
		"path": serving.setting_path(server, "tensor_parallel_size"),
		"remedy": text.sentence(array.concat(_sizes(server, name, values.list(server.remedies.tensorParallelSizes)), _experts(server))),
		"related": [{"msg": sprintf("the model is %v", [server.model.name]), "path": server.model.path}],
	}
}

deny contains row if {
	some server in serving.servers(input)
	model := server.model
	_is_own(model)
	row := _groups(server, "")
}

warn contains row if {
	some server in serving.servers(input)
	model := server.model
	not _is_own(model)
	row := _groups(server, ", unless the checkpoint was padded")
}

# The figures of this very checkpoint.
_is_own(model) if model.name == "spec.model.architecture"

_groups(server, unless) := row if {
	format := _plain(server.model.quantization)
	group := numbers.positive(data.ployd.vllm.quantization.groupSize[format])
	width := numbers.positive(server.model.intermediate)
	tensor := server.parallel.tensor
	tensor > 1
	width < _countable
	width % (group * tensor) != 0

	# Experts have a width of their own, which is judged as blocks.
	object.get(server.model, "experts", 0) == 0
	not _is_divided_wrongly(server)
	name := serving.setting_name(server, "tensor_parallel_size")
	sizes := [size | some size in values.list(server.remedies.tensorParallelSizes); width % (group * size) == 0]
	row := {
		"msg": sprintf("%v weights of width %v are %v groups of %v, which %v %v does not divide%v", [
			format,
			text.thousands(width),
			text.thousands(width / group),
			group,
			name,
			tensor,
			unless,
		]),
		"path": serving.setting_path(server, "tensor_parallel_size"),
		"remedy": text.sentence(array.concat(_sizes(server, name, sizes), ["take a checkpoint whose width was padded"])),
		"related": [{"msg": sprintf("the model is %v", [server.model.name]), "path": server.model.path}],
	}
}

# From here on numbers are no longer counted one by one, and remainders of them fail.
_countable := 100000000000000

# Other counts that do not divide are another rule's, and have the same way out.
_is_divided_wrongly(server) if {
	some refusal in values.list(server.refusals)
	refusal.term in {"attention_heads", "kv_heads", "vocabulary", "intermediate", "quantization_block"}
}

_plain(format) := plain if {
	plain := data.ployd.vllm.quantization.aliases[format]
} else := format

_sizes(server, name, sizes) := [sprintf("set %v to %v%v", [name, serving.either(sizes), _pipeline(server, sizes)])] if {
	count(sizes) > 0
} else := []

# The same GPUs, whole layers on each.
_pipeline(server, sizes) := sprintf(" (and %v to %v, to use the same GPUs)", [
	serving.setting_name(server, "pipeline_parallel_size"),
	server.parallel.tensor * server.parallel.pipeline,
]) if {
	sizes == [1]
} else := ""

_experts(server) := [sprintf("set %v, which leaves experts whole", [serving.setting_name(server, "enable_expert_parallel")])] if {
	server.model.experts > 0
} else := ["take a checkpoint of other blocks"]
