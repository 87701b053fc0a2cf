package ployd.rules.vllm.service_name_test

import data.ployd.rules.vllm.service_name as rule

_service(name, spec) := {"request": {
	"kind": {"group": "", "version": "v1", "kind": "Service"},
	"namespace": "models",
	"name": name,
	"object": {"metadata": {"name": name}, "spec": spec},
}}

_model(name, model, parameters) := {
	"request": {
		"kind": {"group": "ployd.ai", "version": "v1", "kind": "ModelDeployment"},
		"namespace": "models",
		"object": {"metadata": {"name": name}, "spec": {"model": model}},
	},
	"ployd": {"parameters": {"vllm.service_name": parameters}},
}

_strict := {"leadingDigit": false}

_pod(environment) := {
	"request": {"kind": {"group": "", "version": "v1", "kind": "Pod"}, "object": {"metadata": {"name": "vllm"}, "spec": {}}},
	"ployd": {"capacity": {"servers": [{
		"owner": "container vllm",
		"kind": "Pod",
		"path": ["spec", "containers", 0],
		"environment": environment,
	}]}},
}

_words := concat(" ", [
	"a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character,",
	"and end with an alphanumeric character",
])

test_denies_a_service_called_vllm if {
	rule.deny == {{
		"msg": "Service vllm makes the variable VLLM_PORT in every pod of models, and vLLM takes it for its own",
		"path": ["metadata", "name"],
		"remedy": "Name the Service after its model, e.g. llama-3-1-8b-instruct.",
	}} with input as _service("vllm", {"ports": [{"port": 8000}]})
}

test_denies_such_a_service_whatever_else_is_written if {
	every spec in [{}, null, "x", {"clusterIP": ""}, {"clusterIP": "10.0.0.7"}, {"type": "LoadBalancer"}, {"type": null}] {
		rows := rule.deny with input as _service("vllm", spec)
		count(rows) == 1
	}
	every namespace in ["", null, 3] {
		rows := rule.deny with input as object.union(_service("vllm", {}), {"request": {"namespace": namespace}})
		{row.msg | some row in rows} == {"Service vllm makes the variable VLLM_PORT in every pod of its namespace, and vLLM takes it for its own"}
	}
}

test_allows_services_without_an_address_and_other_names if {
	rule.deny == set() with input as _service("vllm", {"clusterIP": "None"})
	rule.deny == set() with input as _service("vllm", {"type": "ExternalName"})
	every name in ["vllm-chat", "vllm-port", "llama", "vllms"] {
		rule.deny == set() with input as _service(name, {})
	}
}

test_denies_a_model_called_vllm if {
	rule.deny == {{
		"msg": "the Service of this ModelDeployment is called vllm too, and its variable VLLM_PORT stops every vLLM that starts",
		"path": ["metadata", "name"],
		"remedy": "Name the ModelDeployment after its model, e.g. llama-3-1-8b-instruct.",
	}} with input as _model("vllm", {}, _strict)
}

test_denies_a_digit_in_front if {
	rule.deny == {{
		"msg": concat("", ["\"70b-chat\" cannot be the name of the model's Service: ", _words]),
		"path": ["metadata", "name"],
		"remedy": "Name it model-70b-chat, and write 70b-chat in spec.model.name for the clients.",
	}} with input as _model("70b-chat", {}, _strict)
}

test_denies_dots_and_length if {
	rows := rule.deny with input as _model("llama-3.1-8b", {"name": "llama-3.1-8b"}, _strict)
	{row.remedy | some row in rows} == {"Name it llama-3-1-8b; clients go on asking for spec.model.name."}
	long := concat("", [sprintf("%s-b", [concat("", ["a" | some _ in numbers.range(1, 62)])])])
	too_long := rule.deny with input as _model(long, {"name": "a"}, _strict)
	{row.msg | some row in too_long} == {sprintf("%q cannot be the name of the model's Service: must be no more than 63 bytes", [long])}
	{row.remedy | some row in too_long} == {sprintf("Name it %s; clients go on asking for spec.model.name.", [substring(long, 0, 62)])}
	every case in [["-", "model"], ["8.", "model-8"], ["..", "model"]] {
		odd := rule.deny with input as _model(case[0], {"name": "a"}, _strict)
		{row.remedy | some row in odd} == {sprintf("Name it %s; clients go on asking for spec.model.name.", [case[1]])}
	}
}

test_allows_a_digit_in_front_where_the_cluster_does if {
	rule.deny == set() with input as _model("70b-chat", {}, {"leadingDigit": true})
	rows := rule.deny with input as _model("70b.chat", {"name": "x"}, {"leadingDigit": true})
	{[row.msg, row.remedy] | some row in rows} == {[
		concat("", [
			"\"70b.chat\" cannot be the name of the model's Service: a lowercase RFC 1123 label must consist of lower case ",
			"alphanumeric characters or '-', and must start and end with an alphanumeric character",
		]),
		"Name it 70b-chat; clients go on asking for spec.model.name.",
	]}
}

test_allows_names_of_services if {
	every name in ["llama-3-1-8b-instruct", "a", "vllm-chat"] {
		rule.deny == set() with input as _model(name, {}, _strict)
		rule.deny == set() with input as _model(name, {}, {})
	}
}

test_denies_a_literal_uri if {
	rule.deny == {{
		"msg": "container vllm sets VLLM_PORT to \"tcp://10.0.0.7:8000\", which is no number",
		"path": ["spec", "containers", 0, "env", 2],
		"remedy": "Remove VLLM_PORT: vLLM finds a port for itself, and the port of its API is --port.",
	}} with input as _pod({"VLLM_PORT": {"value": "tcp://10.0.0.7:8000", "path": ["spec", "containers", 0, "env", 2]}})
	every text in ["", "http", "8000.0"] {
		rows := rule.deny with input as _pod({"VLLM_PORT": {"value": text, "path": []}})
		count(rows) == 1
	}
}

test_allows_ports_that_are_numbers_or_not_known_here if {
	every value in ["8001", " 8001 ", "$(INTERNAL_PORT)", null, 8001, {}] {
		rule.deny == set() with input as _pod({"VLLM_PORT": {"value": value, "path": []}})
	}
	every environment in [{}, null, "x", [], {"VLLM_PORT": null}, {"VLLM_PORTS": {"value": "tcp://a", "path": []}}] {
		rule.deny == set() with input as _pod(environment)
	}
}

test_denies_under_a_parameter_that_is_no_truth if {
	every value in ["true", 1, null, []] {
		rows := rule.deny with input as _model("llama", {}, {"leadingDigit": value})
		{row.path | some row in rows} == {[]}
	}
}

test_is_silent_without_a_name_on_other_kinds_and_deletions if {
	every written in [{}, {"metadata": null}, {"metadata": {"name": 3}}, {"metadata": {"name": ""}}, null] {
		every request in [_service("vllm", {}).request, _model("vllm", {}, {}).request] {
			rule.deny == set() with input as {"request": object.union(object.remove(request, ["object"]), {"object": written})}
		}
	}
	every change in [{"kind": {"kind": "ConfigMap"}}, {"kind": {"group": "example.com"}}] {
		rule.deny == set() with input as object.union(_service("vllm", {}), {"request": change})
		rule.deny == set() with input as object.union(_model("vllm", {}, {}), {"request": change})
	}
}
