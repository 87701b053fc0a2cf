# METADATA
# title: The image of vLLM has kernels for the GPU
# description: >-
#   An image of vLLM holds kernels for the compute capabilities it was built for, and newer images drop old GPUs. On a GPU
#   that is older the first kernel fails, after the weights are loaded, and the pod restarts for ever. Where nothing says
#   which version runs, the newest decides, since that is what a moving tag becomes.
# related_resources:
# - ref: https://github.com/vllm-project/vllm/issues/19185
#   description: The failure on a V100
# - ref: https://github.com/vllm-project/vllm/pull/39878
#   description: Images go to CUDA 13, and Volta is left behind
# - ref: https://github.com/pytorch/pytorch/issues/172352
#   description: PyTorch drops Volta from its builds
# - ref: https://github.com/vllm-project/production-stack/blob/main/tutorials/25-v100-legacy-gpu-deployment.md
#   description: What was found to run on V100
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
#   remedy: Pin an older image that still has kernels for the GPU, or take a newer GPU.
#   prevents: 'CUDA error: no kernel image is available for execution on the device'
package ployd.rules.gpu.compute_capability

import data.ployd.lib.serving
import data.ployd.lib.text
import data.ployd.lib.values
import data.ployd.lib.version

deny contains row if {
	some server in serving.servers(input)
	some refusal in values.list(server.refusals)
	refusal.term == "compute_capability"
	row := {
		"msg": sprintf("%v has compute capability %v; %v", [
			server.gpu.name,
			serving.capability(server.gpu.computeCapability),
			_needs(server, serving.capability(server.requires.computeCapability)),
		]),
		"path": server.gpu.path,
		"remedy": text.sentence(array.concat(_older(server), text.newer_gpus(server, server.requires.computeCapability))),
		"related": [{"msg": "what says which version of vLLM runs", "path": server.version.path}],
	}
}

warn contains row if {
	some server in serving.servers(input)
	why := server.requires.untested
	is_string(why)
	why != ""
	row := {
		"msg": sprintf("vLLM %v may not run on %v: %v", [server.version.text, server.gpu.name, why]),
		"path": server.gpu.path,
		"remedy": text.sentence(array.concat(_older(server), ["take a newer GPU"])),
		"related": [{"msg": "what says which version of vLLM runs", "path": server.version.path}],
	}
}

_needs(server, needed) := sprintf("vLLM %v needs %v", [server.version.text, needed]) if {
	server.version.text != ""
} else := sprintf("the newest vLLM needs %v, and nothing says which version runs", [needed])

# The newest release whose image has kernels for this GPU, as far as releases were read. Empty where there is none.
_older(server) := [sprintf("pin an image of vLLM %v or older%v", [newest, _half(server)]) |
	releases := data.ployd.vllm.versions
	is_object(releases)
	running := sort([[version.parse(name), name] |
		some name, release in releases
		_has_kernels(server, release)
		not _is_doubted(server, name)
	])
	count(running) > 0
	newest := running[count(running) - 1][1]
]

# Read as a version, a capability has a third place.
_has_kernels(server, release) if {
	version.parse(release.minimumComputeCapability) <= array.concat(server.gpu.computeCapability, [0])
}

_is_doubted(server, name) if {
	some doubt in values.list(data.ployd.vllm.defaults.untested)
	version.at_least(name, doubt.from)
	version.below(name, doubt.before)
	array.concat(server.gpu.computeCapability, [0]) <= version.parse(doubt.atMost)
}

_half(server) := " with dtype half" if {
	server.gpu.bf16 == false
} else := ""
