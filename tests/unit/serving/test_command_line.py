"""Command lines of vLLM, as people write them into pods, mean what vLLM's parser makes of them."""

import pytest

from ployd_policy.serving import command_line
from ployd_policy.serving.server import Written


def written(words, name="args"):
    return [Written(value=word, path=(name, number)) for number, word in enumerate(words)]


def settings(arguments):
    return {name: found.value for name, found in command_line.of_image(written(arguments)).settings.items()}


def started(*command):
    lines = command_line.servers(written(command, "command"), [])
    return [{name: found.value for name, found in line.settings.items()} for line in lines]


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
        ["vllm", "serve", "--max-model-len", "4096", "Qwen/Qwen3-8B"],
        ["/usr/local/bin/vllm", "serve", "Qwen/Qwen3-8B", "--max-model-len=4096"],
        ["python3", "-m", "vllm.entrypoints.openai.api_server", "--model", "Qwen/Qwen3-8B", "--max-model-len=4096"],
        ["python3", "-m", "vllm.entrypoints.cli.main", "serve", "Qwen/Qwen3-8B", "--max-model-len=4096"],
        ["python3", "/opt/vllm/entrypoints/openai/api_server.py", "--model=Qwen/Qwen3-8B", "--max-model-len=4096"],
        ["sh", "-c", "sleep 2 && vllm serve Qwen/Qwen3-8B --max-model-len 4096"],
        ["sh", "-c", "vllm serve Qwen/Qwen3-8B --max-model-len 4096; sleep 5 --silent"],
        ["sh", "-c", "vllm serve Qwen/Qwen3-8B --max-model-len 4096 > /log 2>&1"],
        ["sh", "-c", "vllm serve Qwen/Qwen3-8B --max-model-len 4096 2>&1 | tee --append /log"],
        ["sh", "-c", "echo starting vllm serve now; exec vllm serve Qwen/Qwen3-8B --max-model-len 4096"],
        ["sh", "-c", "# vllm serve other\nvllm serve Qwen/Qwen3-8B --max-model-len 4096 # --dtype half\nsleep 1"],
        ["/bin/bash", "-c", "set -e\nexec vllm serve \\\n  'Qwen/Qwen3-8B' \\\n  --max-model-len=4096  # short\n"],
        ["bash", "-lc", "(vllm serve Qwen/Qwen3-8B --max-model-len=4096) & wait"],
        ["/usr/bin/tini", "--", "/bin/sh", "-c", "vllm serve Qwen/Qwen3-8B --max-model-len=4096"],
        ["env", "X=1", "zsh", "-c", "vllm serve Qwen/Qwen3-8B --max-model-len=4096"],
        ["bash", "-c", 'exec vllm serve "$@"', "--", "Qwen/Qwen3-8B", "--max-model-len", "4096"],
        ["sh", "-c", "#" + "x" * 100_000 + "\nvllm serve Qwen/Qwen3-8B --max-model-len=4096"],
    ],
)
def test_a_command_runs_vllm_in_many_spellings(command):
    found = started(*command)
    assert {"model": "Qwen/Qwen3-8B", "max_model_len": 4096} in found
    assert len(found) <= 2


def test_two_servers_of_one_script_are_two():
    assert started("bash", "-c", "vllm serve a/b --dtype half & vllm serve c/d --enforce-eager && echo --x") == [
        {"model": "a/b", "dtype": "half"},
        {"model": "c/d", "enforce_eager": True},
    ]


@pytest.mark.parametrize(
    "command",
    [
        ["sleep", "1"],
        ["python3", "-m", "http.server"],
        ["vllm", "bench"],
        ["sh", "-c", "'"],
        ["sh", "-c"],
        ["sh", "-c", "echo serve vllm"],
        [],
    ],
)
def test_other_commands_do_not(command):
    assert started(*command) == []


def test_flags_that_stand_alone_take_no_word():
    assert settings(["--trust-remote-code", "a/b"]) == {"trust_remote_code": True, "model": "a/b"}
    assert settings(["--enable-prefix-caching", "false", "a/b"]) == {"enable_prefix_caching": False, "model": "a/b"}
    assert settings(["--served-model-name", "x", "y", "--seed=1", "a/b"]) == {
        "served_model_name": "x",
        "seed": 1,
        "model": "a/b",
    }


def test_each_setting_has_its_place():
    (line,) = command_line.servers(written(["vllm", "serve"], "command"), written(["a/b", "--dtype", "half"]))
    assert line.settings["model"].path == ("args", 0)
    assert line.settings["dtype"].path == ("args", 1)
    assert [(argument.flag, argument.path) for argument in line.arguments] == [("dtype", ("args", 1))]
