package ployd.lib.serving_test

import data.ployd.lib.serving

_model := {"kind": "ModelDeployment", "path": ["spec", "model"], "settings": {"dtype": {"value": "half", "path": ["x"]}}}

_pod := {"kind": "Pod", "path": ["spec", "containers", 0], "settings": {}}

test_finds_the_servers_of_any_document if {
	serving.servers({"ployd": {"capacity": {"servers": [_model, null, "x", _pod]}}}) == [_model, _pod]
	every document in [{}, {"ployd": null}, {"ployd": {}}, {"ployd": {"capacity": []}}, {"ployd": {"capacity": {"servers": null}}}] {
		serving.servers(document) == []
	}
}

test_reads_settings_and_says_where_they_belong if {
	serving.setting(_model, "dtype") == "half"
	not serving.setting(_pod, "dtype")
	serving.setting_path(_model, "dtype") == ["x"]
	serving.setting_path(_model, "max_model_len") == ["spec", "model", "vllm", "max_model_len"]
	serving.setting_path(_pod, "max_model_len") == ["spec", "containers", 0, "args"]
	serving.setting_name(_model, "max_model_len") == "max_model_len"
	serving.setting_name(_pod, "max_model_len") == "--max-model-len"
}

test_writes_capabilities_and_lists if {
	serving.capability([7, 0]) == "7.0"
	[serving.either(items) | some items in [[], [1], [1, 2], [1, 2, 4]]] == ["", "1", "1 or 2", "1, 2 or 4"]
}
