"""The model registry on MLflow's: entries, who deployed them, and the precondition that a model is registered.

Entries and the precondition are pure; MLflow is imported when a registry is first asked, because that takes seconds.
"""

from ployd_policy.sdk.registry.address import embedded_uri
from ployd_policy.sdk.registry.entry import TrackedDeployment
from ployd_policy.sdk.registry.gate import RegistryGate, held
from ployd_policy.sdk.registry.mlflow_registry import MlflowRegistry, open_registry

__all__ = [
    "MlflowRegistry",
    "RegistryGate",
    "TrackedDeployment",
    "embedded_uri",
    "held",
    "open_registry",
]
