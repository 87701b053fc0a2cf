"""Names of models and GPUs as people write them: the right one, or none, but never the neighbour."""

import pytest

from ployd_policy import capacity
from ployd_policy.capacity import names


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Qwen/Qwen2.5-VL-7B-Instruct", "Qwen/Qwen2.5-VL-7B-Instruct"),
        ("Qwen2.5-VL-72B-Instruct-AWQ", "Qwen/Qwen2.5-VL-72B-Instruct"),
        ("Qwen2.5-VL-32B-Instruct", None),
        ("Qwen/Qwen2.5-7B-Instruct-1M", "Qwen/Qwen2.5-7B-Instruct-1M"),
        ("Qwen3-VL-235B-A22B-Instruct", "Qwen/Qwen3-VL-235B-A22B-Instruct"),
        ("Qwen/Qwen3-VL-8B-Instruct", "Qwen/Qwen3-VL-8B-Instruct"),
        ("Qwen/Qwen3-Next-80B-A3B-Instruct", "Qwen/Qwen3-Next-80B-A3B-Instruct"),
        ("Qwen3-Embedding-8B", None),
        ("Qwen/Qwen3-Reranker-8B", None),
        ("Qwen/Qwen-14B-Chat", "Qwen/Qwen-14B-Chat"),
        ("meta-llama/Llama-3.2-11B-Vision-Instruct", "meta-llama/Llama-3.2-11B-Vision-Instruct"),
        ("Llama-3.2-90B-Vision", "meta-llama/Llama-3.2-90B-Vision-Instruct"),
        ("meta-llama/Llama-3.2-1B", "meta-llama/Llama-3.2-1B"),
        ("google/gemma-3n-E4B-it", None),
        ("google/gemma-3-270m", None),
        ("google/gemma-2b-it", "google/gemma-2b"),
        ("google/gemma-2-2b-it", "google/gemma-2-2b"),
        ("google/gemma-3-4b-it-qat", "google/gemma-3-4b-it"),
        ("microsoft/Phi-3.5-MoE-instruct", "microsoft/Phi-3.5-MoE-instruct"),
        ("microsoft/Phi-3.5-mini-instruct", "microsoft/Phi-3-mini-128k-instruct"),
        ("microsoft/Phi-3.5-vision-instruct", "microsoft/Phi-3.5-vision-instruct"),
        ("microsoft/Phi-4-multimodal-instruct", None),
        ("microsoft/Phi-4-mini-flash-reasoning", None),
        ("microsoft/phi-4-reasoning-plus", "microsoft/Phi-4-reasoning"),
        ("microsoft/Phi-4-mini-reasoning", "microsoft/Phi-4-mini-instruct"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B"),
        ("unsloth/DeepSeek-R1-Distill-Llama-8B-bnb-4bit", "meta-llama/Meta-Llama-3.1-8B"),
        ("deepseek-ai/DeepSeek-R1-0528", "deepseek-ai/DeepSeek-R1"),
        ("deepseek-ai/DeepSeek-V2-Lite-Chat", "deepseek-ai/DeepSeek-V2-Lite"),
        ("deepseek-ai/DeepSeek-V2-Chat", "deepseek-ai/DeepSeek-V2"),
        ("deepseek-ai/DeepSeek-V2.5", "deepseek-ai/DeepSeek-V2"),
        ("deepseek-ai/DeepSeek-V3.2-Exp", None),
        ("mistralai/Mistral-Small-24B-Instruct-2501", "mistralai/Mistral-Small-24B-Instruct-2501"),
        ("mistralai/Mistral-Small-Instruct-2409", "mistralai/Mistral-Small-Instruct-2409"),
        ("mistralai/Mistral-Small-3.2-24B-Instruct-2506", "mistralai/Mistral-Small-3.1-24B-Instruct-2503"),
        ("mistralai/Mistral-Nemo-Instruct-2407", "mistralai/Mistral-Nemo-Instruct-2407"),
        ("nvidia/Llama-3.1-Nemotron-70B-Instruct-HF", "meta-llama/Meta-Llama-3.1-70B"),
        ("nvidia/Llama-3.1-Nemotron-Nano-8B-v1", None),
        ("TheBloke/vicuna-13b-v1.5-GPTQ", "lmsys/vicuna-13b-v1.5"),
        ("lmsys/vicuna-13b-v1.5-16k", "lmsys/vicuna-13b-v1.5-16k"),
        ("NousResearch/Hermes-3-Llama-3.1-8B", "meta-llama/Meta-Llama-3.1-8B"),
        ("yuhuili/EAGLE-LLaMA3.1-Instruct-8B", None),
        ("llama3.1:8b", "meta-llama/Meta-Llama-3.1-8B"),
        ("BAAI/bge-m3", None),
    ],
)
def test_a_name_finds_its_model_or_none(known, spelling, name):
    found = capacity.find_model(known, spelling)
    assert (found.name if isinstance(found, capacity.Model) else None) == name


@pytest.mark.parametrize(
    ("text", "format_"),
    [
        ("Qwen1.5-7B-Chat-GPTQ-Int8", "int8"),
        ("Qwen1.5-7B-Chat-GPTQ-Int4", "gptq"),
        ("nvidia/DeepSeek-R1-FP4", "nvfp4"),
        ("gpt-oss-20b mxfp4", "mxfp4"),
        ("Llama-3.3-70B-Instruct-FP8-dynamic", "fp8"),
        ("Meta-Llama-3.1-8B-Instruct-quantized.w8a8", "int8"),
        ("Meta-Llama-3.1-8B-Instruct-quantized.w4a16", "int4"),
        ("gemma-3-27b-it-Q4_K_M.gguf", "gguf_q4"),
        ("bfloat16", ""),
        ("Llama-2-7b", ""),
    ],
)
def test_a_name_tells_its_format(text, format_):
    assert names.quantization(text) == format_


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("NVIDIA GeForce RTX 3090 Ti", "RTX-3090"),
        ("NVIDIA RTX A5000", "A5000"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX-6000-Ada"),
        ("NVIDIA-A800-SXM4-80GB", "A800-80GB"),
        ("NVIDIA H20", "H20"),
        ("NVIDIA H100 PCIe", "H100-80GB"),
        ("NVIDIA H100 NVL", "H100-NVL-94GB"),
        ("NVIDIA L20", "L20"),
        ("Tesla P40", "P40"),
        ("Tesla V100-PCIE-32GB", "V100-32GB"),
        ("RTX 4070 Ti SUPER", "RTX-4070-Ti-SUPER"),
        ("NVIDIA GB10", None),
        ("Jetson AGX Orin", None),
        ("GTX 1080 Ti", None),
    ],
)
def test_a_gpu_is_found_or_none(known, spelling, name):
    found = capacity.find_gpu(known, spelling)
    assert (found.name if isinstance(found, capacity.Gpu) else None) == name


@pytest.mark.parametrize("gpu", ["P40", "Tesla-P100-PCIE-16GB"])
def test_a_pascal_card_runs_no_version(known, gpu):
    shape = capacity.find_model(known, "TinyLlama-1.1B").shape
    found = capacity.estimate(capacity.Launch(version="0.6.0"), shape, capacity.find_gpu(known, gpu), known)
    assert (found.verdict, found.deciding) == (capacity.Verdict.FAILS, "compute_capability")
