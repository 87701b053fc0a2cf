# METADATA
# title: The model is known
# description: >-
#   Memory, parallel sizes and lengths are computed from the figures of a model's config.json. Of a model that is in no
#   catalogue nothing can be said, so those checks are silent: no finding means nothing then. Figures in the object, or in
#   a catalogue of your own, bring them back.
# related_resources:
# - ref: https://huggingface.co/docs/transformers/main/en/main_classes/configuration
#   description: The config.json that a model comes with
# - ref: https://github.com/vllm-project/vllm/blob/main/vllm/config/model.py
#   description: What vLLM itself reads from it
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
#   remedy: Give the model's figures in spec.model.architecture, or add it to a models.yaml of your own.
#   prevents: 'Silence: a server that no rule about memory, lengths or parallel sizes has judged'
package ployd.rules.model.known

import data.ployd.lib.serving
import data.ployd.lib.values

warn contains row if {
	some server in serving.servers(input)
	server.model.known == false
	row := {
		"msg": _message(server.model.written),
		"path": server.model.path,
		"remedy": _sentence(_remedy(server)),
	}
}

_message("") := "nothing says which model this server runs, so nothing about its memory is checked"

_message(written) := sprintf("model %v is in no catalogue, so nothing about its memory is checked", [values.shown(written)]) if written != ""

# A pod has no field for a model's figures.
_remedy(server) := server.model.remedy if {
	server.kind == "ModelDeployment"
} else := trim_prefix(server.model.remedy, "give its figures in spec.model.architecture, or ") if {
	is_string(server.model.remedy)
} else := ""

_sentence(text) := sprintf("%v%v.", [upper(substring(text, 0, 1)), substring(text, 1, -1)]) if {
	is_string(text)
	text != ""
} else := "Name the model with --model, as the catalogue has it."
