# METADATA
# title: The driver the pod asks for can run the image
# description: >-
#   A program needs at least the driver that the first release of its CUDA came with, and vLLM's images move to the next
#   CUDA between minor versions. Where nodes are chosen by the driver that gpu-feature-discovery found, such an upgrade puts
#   the model on drivers that cannot start it. It is a warning, because the image carries libraries for older drivers of data
#   centre GPUs, which VLLM_ENABLE_CUDA_COMPATIBILITY switches on. Where no driver is chosen the rule is silent.
# related_resources:
# - ref: https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html
#   description: The oldest driver of each major version of CUDA
# - ref: https://github.com/NVIDIA/k8s-device-plugin/blob/main/docs/gpu-feature-discovery/README.md
#   description: The labels with the version of the driver
# - ref: https://github.com/vllm-project/vllm/issues/33447
#   description: An image whose CUDA did not go with the host's driver
# - ref: https://github.com/llm-d/llm-d/issues/706
#   description: The same in a cluster
# custom:
#   severity: warning
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
#   remedy: Choose nodes with a driver that the image's CUDA needs, or an image of an older CUDA.
#   prevents: 'Error 803: system has unsupported display driver / cuda driver combination'
package ployd.rules.gpu.driver

import data.ployd.lib.kinds
import data.ployd.lib.serving
import data.ployd.lib.values
import data.ployd.lib.workload

warn contains row if {
	some server in serving.servers(input)
	not _carries_libraries(server)
	needed := _drivers[_major(server.version.cuda)]
	some place in _chosen
	place.driver < needed
	row := {
		"msg": sprintf("%s needs driver %d (CUDA %s), but the pod may run on driver %d", [
			server.owner,
			needed,
			server.version.cuda,
			place.driver,
		]),
		"path": place.path,
		"remedy": sprintf("Choose nodes with driver %d or newer%s.", [needed, _or_image(place.driver)]),
	}
}

# Least major version of the driver, by major version of CUDA.
_drivers[major] := driver if {
	known := data.ployd.vllm.cuda.drivers
	is_object(known)
	some major, driver in known
	is_number(driver)
}

_major(version) := split(version, ".")[0] if is_string(version)

_carries_libraries(server) if {
	value := server.environment.VLLM_ENABLE_CUDA_COMPATIBILITY.value
	is_string(value)
	lower(value) in {"1", "true", "yes", "on"}
}

_labels := ["nvidia.com/cuda.driver-version.major", "nvidia.com/cuda.driver-version.full", "nvidia.com/cuda.driver.major"]

# Every lowest driver that nodes are chosen by, with its place.
_chosen contains place if {
	some label in _labels
	path := array.concat(_selector, [label])
	value := object.get(input.request.object, path, null)
	place := {"driver": _driver(value), "path": path}
}

_chosen contains place if {
	required := array.concat(_base, ["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"])
	some number, term in values.list(object.get(input.request.object, required, null))
	is_object(term)
	some position, expression in values.list(object.get(term, "matchExpressions", []))
	expression.key in _labels
	some index, value in values.list(expression.values)
	place := {
		"driver": _least(expression.operator, _driver(value)),
		"path": array.concat(required, [number, "matchExpressions", position, "values", index]),
	}
}

_base := workload.pod_path(input.request) if is_object(input.request.object)

_selector := ["spec", "placement", "nodeSelector"] if {
	kinds.is_ployd(input.request, "ModelDeployment")
} else := array.concat(_base, ["nodeSelector"])

# The first number of 550 or 550.54.15.
_driver(value) := to_number(digits[0]) if {
	is_string(value)
	digits := regex.find_n(`^[1-9][0-9]{0,5}`, value, 1)
	count(digits) > 0
}

_least("In", driver) := driver

_least("Gt", driver) := driver + 1

# Below it, whatever else is demanded.
_least("Lt", driver) := driver - 1

_or_image(driver) := sprintf(", or an image of CUDA %d", [max(majors)]) if {
	majors := [to_number(major) |
		some major, least in _drivers
		regex.match(`^[1-9][0-9]?$`, major)
		least <= driver
	]
	count(majors) > 0
} else := ""
