package ployd.rules.ray.gpus_test

import data.ployd.rules.ray.gpus as rule

_judged(kind, spec) := {"request": {"kind": {"group": "ray.io", "version": "v1", "kind": kind}, "object": {"spec": spec}}}

_group(parameters, limits) := {
	"groupName": "gpu",
	"rayStartParams": parameters,
	"template": {"spec": {"containers": [{"name": "ray", "resources": {"limits": limits}}]}},
}

_cluster(head, worker) := {"headGroupSpec": head, "workerGroupSpecs": [worker]}

_head := _group({"num-gpus": "0"}, {"cpu": "2"})

_worker := _group({}, {"cpu": "8", "nvidia.com/gpu": "2"})

_service(text) := _judged("RayService", {"serveConfigV2": text, "rayClusterConfig": _cluster(_head, _worker)})

_sample(size, options) := yaml.marshal({"applications": [{
	"name": "llm",
	"import_path": "ray-operator.config.samples.vllm.serve:model",
	"deployments": [{"name": "VLLMDeployment", "ray_actor_options": options}],
	"runtime_env": {"env_vars": {"MODEL_ID": "meta-llama/Meta-Llama-3-8B-Instruct", "TENSOR_PARALLELISM": size}},
}]})

test_denies_gpus_for_the_actor_beside_tensor_parallelism if {
	rule.deny == {{
		"msg": "VLLMDeployment takes num_gpus 1 for the actor that starts vLLM, which the 2 workers of vLLM then lack",
		"path": ["spec", "serveConfigV2"],
		"remedy": "Remove num_gpus from the ray_actor_options of VLLMDeployment: vLLM asks Ray for its 2 GPUs itself.",
	}} with input as _service(_sample("2", {"num_cpus": 8, "num_gpus": 1}))
	rule.warn == set() with input as _service(_sample("2", {"num_cpus": 8, "num_gpus": 1}))
}

test_denies_fractions_and_every_way_to_write_the_sizes if {
	every application in [
		{"deployments": [{"ray_actor_options": {"num_gpus": 0.95}}], "runtime_env": {"env_vars": {"PIPELINE_PARALLELISM": "2"}}},
		{"deployments": [{"ray_actor_options": {"num_gpus": 1}}], "runtime_env": {"env_vars": {"TENSOR_PARALLEL_SIZE": "2"}}},
		{"deployments": [{"ray_actor_options": {"num_gpus": 1}}], "args": {"tensor-parallel-size": 2}},
		{"deployments": [{"ray_actor_options": {"num_gpus": 1}}], "args": {"tensor_parallel_size": 2}},
		{"deployments": [{"name": "router"}, {"name": "MyLLM", "ray_actor_options": {"num_gpus": 1}}], "args": {"pipeline_parallel_size": 2}},
	] {
		rows := rule.deny with input as _service(yaml.marshal({"applications": [application]}))
		count(rows) == 1
	}
}

test_denies_gpus_of_the_actor_in_the_form_of_ray_serve_llm if {
	text := yaml.marshal({"applications": [{"args": {"llm_configs": [{
		"model_loading_config": {"model_id": "deepseek"},
		"deployment_config": {"ray_actor_options": {"num_gpus": 8}},
		"engine_kwargs": {"tensor_parallel_size": 8, "pipeline_parallel_size": 2},
	}]}}]})
	rows := rule.deny with input as _service(text)
	{row.msg | some row in rows} == {"deepseek takes num_gpus 8 for the actor that starts vLLM, which the 16 workers of vLLM then lack"}
	nameless := yaml.marshal({"applications": [{"args": {"llm_configs": [{
		"deployment_config": {"ray_actor_options": {"num_gpus": 1}},
		"engine_kwargs": {"tensor_parallel_size": 2},
	}]}}]})
	unnamed := rule.deny with input as _service(nameless)
	{row.msg | some row in unnamed} == {"the model takes num_gpus 1 for the actor that starts vLLM, which the 2 workers of vLLM then lack"}
}

test_allows_actors_without_gpus_and_models_on_one if {
	every text in [
		_sample("2", {"num_cpus": 8}),
		_sample("2", {"num_gpus": 0}),
		_sample("1", {"num_gpus": 1}),
		_sample("auto", {"num_gpus": 1}),
		yaml.marshal({"applications": [{
			"deployments": [{"name": "router"}, {"name": "embed", "ray_actor_options": {"num_gpus": 1}}],
			"args": {"tensor_parallel_size": 2},
		}]}),
	] {
		rule.deny == set() with input as _service(text)
		rule.warn == set() with input as _service(text)
	}
}

test_is_silent_on_texts_that_are_no_configuration if {
	texts := [
		null,
		3,
		"",
		"x",
		"a: [",
		"a: b: c",
		"\t- a",
		"applications: x",
		"applications: [null, 3, {deployments: x}, {deployments: [null, {ray_actor_options: null}]}]",
		"applications: [{args: {llm_configs: [null, {engine_kwargs: 3, deployment_config: x}]}}]",
		"applications: [{args: 3, runtime_env: x, deployments: [{ray_actor_options: {num_gpus: one}}]}]",
	]
	every text in texts {
		rule.deny == set() with input as _service(text)
	}
}

test_denies_more_gpus_than_the_container_has if {
	head := _group({"num-gpus": "1"}, {"cpu": "2"})
	rule.deny == {{
		"msg": "the head tells Ray num-gpus 1, but the limits of its container hold 0",
		"path": ["spec", "rayClusterConfig", "headGroupSpec", "rayStartParams", "num-gpus"],
		"remedy": "Set num-gpus to \"0\".",
	}} with input as _judged("RayService", {"rayClusterConfig": _cluster(head, _worker)})
	worker := _group({"num-gpus": "4"}, {"nvidia.com/gpu": 2})
	rule.deny == {{
		"msg": "worker group gpu tells Ray num-gpus 4, but the limits of its container hold 2",
		"path": ["spec", "workerGroupSpecs", 0, "rayStartParams", "num-gpus"],
		"remedy": "Remove num-gpus: KubeRay takes the container's limit, 2.",
	}} with input as _judged("RayCluster", _cluster(_head, worker))
	none := object.remove(_group({"num-gpus": "2"}, {}), ["groupName"])
	rows := rule.deny with input as _judged("RayJob", {"rayClusterSpec": _cluster(_head, none)})
	rows == {{
		"msg": "workerGroupSpecs[0] tells Ray num-gpus 2, but the limits of its container hold 0",
		"path": ["spec", "rayClusterSpec", "workerGroupSpecs", 0, "rayStartParams", "num-gpus"],
		"remedy": "Give the container 2 GPUs under limits, and leave num-gpus out.",
	}}
}

test_denies_a_number_where_text_is_due if {
	head := _group({"num-gpus": 0}, {"cpu": "2"})
	rule.deny == {{
		"msg": "the head: num-gpus is the number 0; parameters of ray start are texts",
		"path": ["spec", "headGroupSpec", "rayStartParams", "num-gpus"],
		"remedy": "Write it in quotes: num-gpus: \"0\".",
	}} with input as _judged("RayCluster", _cluster(head, _worker))
}

test_warns_of_idle_gpus if {
	worker := _group({"num-gpus": "1"}, {"nvidia.com/gpu": "2"})
	rule.warn == {{
		"msg": "worker group gpu tells Ray of 1 of the 2 GPUs of its container; the others stay idle",
		"path": ["spec", "workerGroupSpecs", 0, "rayStartParams", "num-gpus"],
		"remedy": "Remove num-gpus: KubeRay takes the container's limit, 2.",
	}} with input as _judged("RayCluster", _cluster(_head, worker))
	rule.deny == set() with input as _judged("RayCluster", _cluster(_head, worker))
}

test_warns_of_a_head_that_counts_the_node if {
	every parameters in [{}, {"dashboard-host": "0.0.0.0"}, null, {"num-gpus": null}] {
		rule.warn == {{
			"msg": "the head has no GPU of its own, but on a node with GPUs Ray counts all of them as the head's",
			"path": ["spec", "headGroupSpec", "rayStartParams", "num-gpus"],
			"remedy": "Write num-gpus: \"0\" in the rayStartParams of headGroupSpec.",
		}} with input as _judged("RayCluster", _cluster(_group(parameters, {"cpu": "2"}), _worker))
	}
}

test_allows_groups_that_agree if {
	every groups in [
		[_head, _worker],
		[_head, _group({"num-gpus": "2"}, {"nvidia.com/gpu": 2})],
		[_group({"num-gpus": "1"}, {"nvidia.com/gpu": 1}), _worker],
		[_group({}, {"nvidia.com/gpu": 1}), _worker],
		[_group({}, {"cpu": 1}), _group({}, {"cpu": 1})],
		[_head, _group({"num-gpus": "4"}, {"nvidia.com/mig-1g.10gb": 1})],
		[_head, _group({"num-gpus": "4"}, {"nvidia.com/gpu.shared": 1})],
		[_head, _group({"num-gpus": "many"}, {"nvidia.com/gpu": 1})],
	] {
		rule.deny == set() with input as _judged("RayCluster", _cluster(groups[0], groups[1]))
		rule.warn == set() with input as _judged("RayCluster", _cluster(groups[0], groups[1]))
	}
}

test_is_silent_on_parts_of_other_types if {
	every spec in [
		null,
		"x",
		[],
		{},
		{"headGroupSpec": null, "workerGroupSpecs": "x"},
		{"headGroupSpec": "x", "workerGroupSpecs": [null, 3, {}]},
		{"headGroupSpec": {"rayStartParams": "x", "template": null}},
		{"headGroupSpec": {"template": {"spec": {"containers": []}}}},
		{"headGroupSpec": {"template": {"spec": {"containers": [{"resources": {"limits": {"nvidia.com/gpu": "x"}}}]}}}},
	] {
		rule.deny == set() with input as _judged("RayCluster", spec)
		rule.warn == set() with input as _judged("RayCluster", spec)
	}
}

test_is_silent_on_other_kinds_and_deletions if {
	document := _service(_sample("2", {"num_gpus": 1}))
	every change in [{"object": null}, {"kind": {"group": "example.com"}}] {
		rule.deny == set() with input as object.union(document, {"request": change})
	}
	spec := _cluster(_group({"num-gpus": "1"}, {}), _worker)
	rule.deny == set() with input as _judged("RayOther", spec)
}
