import pytest

from ployd_policy import capacity
from ployd_policy.capacity import schemas


@pytest.mark.parametrize("stem", ["gpus", "models", "vllm", "prices"])
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


def test_an_operators_file_adds_and_replaces(data):
    own = {
        "gpus": {"gpus": {"X1": {"source": "ours", "memoryMiB": 1024, "computeCapability": "9.9"}}},
        "vllm": {"overheads": {"contextGiB": 0.7}},
    }
    known = capacity.catalogue(data, own)
    assert capacity.find_gpu(known, "x1").memory == 2**30
    assert capacity.find_gpu(known, "H100").name == "H100-80GB"
    assert known.vllm["overheads"]["contextGiB"] == 0.7
    assert known.vllm["overheads"]["hiddenCopies"] == 3.0
