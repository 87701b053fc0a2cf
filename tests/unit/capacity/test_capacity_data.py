import pytest

from ployd_policy import capacity
from ployd_policy.capacity import schemas


@pytest.mark.parametrize("stem", ["gpus", "models", "vllm", "prices", "platform"])
def test_a_data_file_matches_its_schema(data, stem):
    assert schemas.problems(stem, data[stem]) == []


def test_a_wrong_entry_is_named_with_its_place():
    wrong = {"gpus": {"X1": {"source": "the vendor", "memoryMiB": "80GB", "computeCapability": "9.0"}}}
    assert schemas.problems("gpus", wrong) == ["gpus.gpus.X1.memoryMiB: '80GB' is not of type 'integer'"]


def test_at_least_two_hundred_models_each_with_a_source(data):
    models = data["models"]["models"]
    assert len(models) >= 200
    assert [name for name, entry in models.items() if not entry["source"].strip()] == []


def test_every_model_of_the_data_is_found_by_its_own_name(data, known):
    for name in data["models"]["models"]:
        assert isinstance(capacity.find_model(known, name), capacity.Model), name


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("nvidia-tesla-v100", "V100-16GB"),
        ("Tesla-V100-SXM2-32GB", "V100-32GB"),
        ("NVIDIA-H100-80GB-HBM3", "H100-80GB"),
        ("NVIDIA-H100-80GB-HBM3-SHARED", "H100-80GB"),
        ("nvidia-h100-mega-80gb", "H100-80GB"),
        ("NVIDIA A100-SXM4-80GB", "A100-80GB"),
        ("g5.12xlarge", "A10G"),
        ("Standard_NC24ads_A100_v4", "A100-80GB"),
        ("l40s", "L40S"),
        ("NVIDIA GeForce RTX 4090", "RTX-4090"),
    ],
)
def test_a_gpu_is_found_by_every_spelling(known, spelling, name):
    assert capacity.find_gpu(known, spelling).name == name


def test_a_name_that_leaves_the_size_open_is_the_smallest_and_says_so(known):
    found = capacity.find_gpu(known, "MI35")
    assert (found.name, found.alternatives) == ("MI350X", ("MI355X",))


def test_an_unknown_gpu_says_how_to_add_it(known):
    found = capacity.find_gpu(known, "TPU v9")
    assert isinstance(found, capacity.Unknown)
    assert found.name == "TPU v9"
    assert "gpus.yaml" in found.remedy


@pytest.mark.parametrize(
    ("spelling", "name", "exact"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Meta-Llama-3.1-8B", True),
        ("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16", "meta-llama/Meta-Llama-3.1-8B", False),
        ("hf://Qwen/Qwen2.5-7B-Instruct-AWQ", "Qwen/Qwen2.5-7B", True),
        ("Qwen/Qwen3-30B-A3B-FP8", "Qwen/Qwen3-30B-A3B-FP8", True),
        ("Qwen/Qwen3-30B-A3B-Instruct-2507", "Qwen/Qwen3-30B-A3B-Instruct-2507", True),
        ("TheBloke/dolphin-2.1-mistral-7B-AWQ", "mistralai/Mistral-7B-v0.1", False),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "meta-llama/Meta-Llama-3.1-70B", True),
    ],
)
def test_a_model_is_found_by_every_spelling(known, spelling, name, exact):
    found = capacity.find_model(known, spelling)
    assert (found.name, found.exact) == (name, exact)


def test_an_unknown_model_says_how_to_add_it(known):
    found = capacity.find_model(known, "acme/secret-one")
    assert isinstance(found, capacity.Unknown)
    assert "spec.model.architecture" in found.remedy


def laid_over(data, own):
    return capacity.catalogue({stem: capacity.merged(stem, data[stem], own.get(stem, {})) for stem in data})


def test_an_operators_file_adds_and_replaces(data):
    own = {
        "gpus": {"gpus": {"X1": {"source": "ours", "memoryMiB": 1024, "computeCapability": "9.9"}}},
        "vllm": {"overheads": {"contextGiB": 0.7}},
        "prices": {"perGpuHour": {"X1": 2.5}},
    }
    known = laid_over(data, own)
    assert capacity.find_gpu(known, "x1").memory == 2**30
    assert capacity.find_gpu(known, "H100").name == "H100-80GB"
    assert known.vllm["overheads"]["contextGiB"] == 0.7
    assert known.vllm["overheads"]["hiddenCopies"] == 3.0
    assert (known.prices["perGpuHour"]["X1"], known.prices["perGpuHour"]["H100-80GB"]) == (2.5, 4.5)


def test_an_operators_model_replaces_ours_as_a_whole(data, known):
    name = "openai/gpt-oss-20b"
    assert capacity.find_model(known, name).shape.quantization == "mxfp4"
    entry = {"source": "ours", "layers": 24, "hidden": 2880, "heads": 64, "kv_heads": 8}
    found = capacity.find_model(laid_over(data, {"models": {"models": {name: entry}}}), name)
    assert (found.source, found.shape.quantization, found.shape.experts) == ("ours", "", 0)


def test_an_operators_gpu_and_version_replace_ours_as_a_whole(data):
    gpu = {"source": "ours", "memoryMiB": 81920, "computeCapability": "9.0"}
    own = {
        "gpus": {"gpus": {"H100-80GB": gpu}},
        "vllm": {"versions": {"0.20.0": {"source": "ours", "flagsAdded": ["our-flag"]}}},
    }
    known = laid_over(data, own)
    assert (known.gpus["h10080gb"].visible, known.gpus["h10080gb"].slices) == (0, ())
    assert known.vllm["versions"]["0.20.0"] == {"source": "ours", "flagsAdded": ["our-flag"]}
    assert known.vllm["versions"]["0.19.1"]["cuda"] == "12.9"


@pytest.mark.parametrize(
    ("figures", "why"),
    [
        ({"kv_heads": 0}, "more layers with a window or a state than layers, or no key-value heads"),
        ({"layers": 0}, "layers, hidden size and attention heads are at least 1"),
        ({"hidden": 2**61}, "hidden is no whole number of at least 0, or more than any model has"),
    ],
)
def test_a_model_that_the_arithmetic_cannot_use_is_named(figures, why):
    entry = {"source": "ours", "layers": 2, "hidden": 64, "heads": 4, **figures}
    assert schemas.problems("models", {"models": {"my-model": entry}}) == [f"models.models['my-model']: {why}"]


@pytest.mark.parametrize(
    ("own", "problem"),
    [
        ({"defaults": {"batch": 3}}, "vllm.defaults.batch: 3 is not of type 'object'"),
        (
            {"defaults": {"engine": {"v1From": 0.8}}},
            "vllm.defaults.engine.v1From: 0.8 is not of type 'string'",
        ),
        (
            {"defaults": {"batch": {"v1": {"maxNumSeqs": "256"}}}},
            "vllm.defaults.batch.v1.maxNumSeqs: '256' is not of type 'integer'",
        ),
        (
            {"defaults": {"gpuMemoryUtilization": [{"from": "0", "value": "most"}]}},
            "vllm.defaults.gpuMemoryUtilization[0].value: 'most' is not of type 'number'",
        ),
        (
            {"quantization": {"float16Refused": "gemma2"}},
            "vllm.quantization.float16Refused: 'gemma2' is not of type 'array'",
        ),
        (
            {"overheads": {"cudaGraph": {"spareGiB": None}}},
            "vllm.overheads.cudaGraph.spareGiB: None is not of type 'number'",
        ),
        (
            {"weights": {"visionReplicated": "all"}},
            "vllm.weights.visionReplicated: 'all' is not of type 'number'",
        ),
        (
            {"host": {"readGiBPerSecond": [0, 1, 2]}},
            "vllm.host.readGiBPerSecond[0]: 0 is less than or equal to the minimum of 0",
        ),
        (
            {"defaults": {"blocksize": 16}},
            "vllm.defaults: Additional properties are not allowed ('blocksize' was unexpected)",
        ),
    ],
)
def test_a_setting_of_the_wrong_type_is_named_with_its_place(data, own, problem):
    assert schemas.problems("vllm", capacity.merged("vllm", data["vllm"], own)) == [problem]


@pytest.mark.parametrize("value", [3, "text", [], {}, None, True])
def test_no_part_of_the_versions_file_takes_just_any_type(data, value):
    """What passes the schema gives an estimate."""
    for part, settings in data["vllm"].items():
        for key in settings:
            own = capacity.merged("vllm", data["vllm"], {part: {key: value}})
            if schemas.problems("vllm", own):
                continue
            known = capacity.catalogue({**data, "vllm": own})
            shape, gpu = capacity.find_model(known, "Qwen/Qwen2.5-VL-7B-Instruct").shape, capacity.find_gpu(known, "L4")
            for version in ("", "0.5.0", "0.8.5", "0.20.0"):
                launch = capacity.Launch(version=version, quantization="awq", max_model_len=65536)
                assert capacity.estimate(launch, shape, gpu, known).verdict in capacity.Verdict
                assert capacity.requirements(known, gpu, launch)
