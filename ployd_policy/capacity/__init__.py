"""What vLLM would say about memory, before it runs. Pure: decoded data and values in, figures and a verdict out."""

from ployd_policy.capacity.architecture import Architecture, from_entry, from_spec
from ployd_policy.capacity.catalogue import Catalogue, Gpu, Model, Unknown, catalogue, find_gpu, find_model
from ployd_policy.capacity.estimate import Estimate, Verdict, estimate
from ployd_policy.capacity.facts import facts_for
from ployd_policy.capacity.importer import entry_from_config
from ployd_policy.capacity.interval import Interval
from ployd_policy.capacity.launch import Launch

__all__ = [
    "Architecture",
    "Catalogue",
    "Estimate",
    "Gpu",
    "Interval",
    "Launch",
    "Model",
    "Unknown",
    "Verdict",
    "catalogue",
    "entry_from_config",
    "estimate",
    "facts_for",
    "find_gpu",
    "find_model",
    "from_entry",
    "from_spec",
]
