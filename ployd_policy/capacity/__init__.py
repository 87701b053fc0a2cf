"""What vLLM would say about memory, before it runs. Pure: decoded data and values in, figures and a verdict out."""

from ployd_policy.capacity.architecture import Architecture, from_entry, from_spec
from ployd_policy.capacity.catalogue import (
    Catalogue,
    Gpu,
    Model,
    Unknown,
    catalogue,
    find_gpu,
    find_model,
    find_slice,
    merged,
)
from ployd_policy.capacity.checks import Refusal, tensor_sizes
from ployd_policy.capacity.cost import host_memory, hourly, load_seconds
from ployd_policy.capacity.estimate import Estimate, Verdict, estimate
from ployd_policy.capacity.importer import entry_from_config, with_weights
from ployd_policy.capacity.interval import Interval
from ployd_policy.capacity.launch import GIB, Launch
from ployd_policy.capacity.names import bound
from ployd_policy.capacity.names import quantization as quantization_of
from ployd_policy.capacity.names import version as version_of
from ployd_policy.capacity.requirements import cuda_of, refusals, requirements
from ployd_policy.capacity.schemas import SCHEMAS, problems

CATALOGUES = tuple(SCHEMAS)
"""Names of the data files: gpus, models, vllm, prices."""

__all__ = [
    "CATALOGUES",
    "GIB",
    "Architecture",
    "Catalogue",
    "Estimate",
    "Gpu",
    "Interval",
    "Launch",
    "Model",
    "Refusal",
    "Unknown",
    "Verdict",
    "bound",
    "catalogue",
    "cuda_of",
    "entry_from_config",
    "estimate",
    "find_gpu",
    "find_model",
    "find_slice",
    "from_entry",
    "from_spec",
    "host_memory",
    "hourly",
    "load_seconds",
    "merged",
    "problems",
    "quantization_of",
    "refusals",
    "requirements",
    "tensor_sizes",
    "version_of",
    "with_weights",
]
