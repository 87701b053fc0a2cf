"""Command lines of vLLM, as people write them into pods, mean what vLLM's parser makes of them."""

import pytest

from ployd_policy.serving import command_line
from ployd_policy.serving.server import Written


def written(words, name="args"):
    return [Written(value=word, path=(name, number)) for number, word in enumerate(words)]


def settings(arguments, command=()):
    line = command_line.read(written(command, "command"), written(arguments))
    return {name: found.value for name, found in line.settings.items()}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--tensor-parallel-size", "4"], {"tensor_parallel_size": 4}),
        (["--tensor-parallel-size=4"], {"tensor_parallel_size": 4}),
        (["--tensor_parallel_size=4"], {"tensor_parallel_size": 4}),
        (["-tp", "4", "-pp=2"], {"tensor_parallel_size": 4, "pipeline_parallel_size": 2}),
        (["-q", "awq"], {"quantization": "awq"}),
        (["--max-model-len", "8k"], {"max_model_len": 8000}),
        (["--max-model-len", "8K"], {"max_model_len": 8192}),
        (["--max-model-len=1.5K"], {"max_model_len": 1536}),
        (["--max-model-len", "-1"], {"max_model_len": -1}),
        (["--max-model-len=auto"], {"max_model_len": "auto"}),
        (["--gpu-memory-utilization", "0.95"], {"gpu_memory_utilization": 0.95}),
        (["--device-memory-utilization=.9"], {"gpu_memory_utilization": 0.9}),
        (["--enforce-eager", "--trust-remote-code"], {"enforce_eager": True, "trust_remote_code": True}),
        (["--no-enable-prefix-caching"], {"enable_prefix_caching": False}),
        (["--enforce-eager=false"], {"enforce_eager": False}),
        (["--tensor-parallel-size=$(TP)"], {"tensor_parallel_size": "$(TP)"}),
        (["--dtype=half", "--dtype=bfloat16"], {"dtype": "bfloat16"}),
        (["meta-llama/Llama-2-7b-hf", "--port", "80"], {"model": "meta-llama/Llama-2-7b-hf", "port": 80}),
        (["serve", "meta-llama/Llama-2-7b-hf"], {"model": "meta-llama/Llama-2-7b-hf"}),
        (["--compilation-config.mode=3"], {"compilation_config": 3}),
        ([], {}),
        (["--"], {}),
        ([None, 3, {"a": 1}, "--seed=1"], {"seed": 1}),
    ],
)
def test_arguments_become_settings(words, expected):
    assert settings(words) == expected


@pytest.mark.parametrize(
    "command",
    [
        ["vllm", "serve", "Qwen/Qwen3-8B", "--max-model-len", "4096"],
        ["/usr/local/bin/vllm", "serve", "Qwen/Qwen3-8B", "--max-model-len=4096"],
        ["python3", "-m", "vllm.entrypoints.openai.api_server", "--model", "Qwen/Qwen3-8B", "--max-model-len=4096"],
        ["sh", "-c", "sleep 2 && vllm serve Qwen/Qwen3-8B --max-model-len 4096"],
        ["/bin/bash", "-c", "set -e\nexec vllm serve \\\n  'Qwen/Qwen3-8B' \\\n  --max-model-len=4096  # short\n"],
    ],
)
def test_a_command_runs_vllm_in_many_spellings(command):
    line = command_line.read(written(command, "command"), [])
    assert line.runs_vllm
    assert {name: found.value for name, found in line.settings.items()} == {
        "model": "Qwen/Qwen3-8B",
        "max_model_len": 4096,
    }


@pytest.mark.parametrize(
    "command", [["sleep", "1"], ["python3", "-m", "http.server"], ["vllm", "bench"], ["sh", "-c", "'"]]
)
def test_other_commands_do_not(command):
    assert not command_line.read(written(command, "command"), []).runs_vllm


def test_each_setting_has_its_place():
    line = command_line.read(written(["vllm", "serve"], "command"), written(["a/b", "--dtype", "half"]))
    assert line.settings["model"].path == ("args", 0)
    assert line.settings["dtype"].path == ("args", 1)
    assert [(argument.flag, argument.path) for argument in line.arguments] == [("dtype", ("args", 1))]
