"""The built-in backend: a ModelDeployment as objects of Kubernetes, for where the `ployd` package is not installed.

Rendering is pure; what touches a cluster goes through the port `ClusterClient`, which another room implements.
"""

from ployd_policy.sdk.kubernetes.backend import KubernetesBackend
from ployd_policy.sdk.kubernetes.kinds import ClusterKinds, OwnedKind, object_path, owned_kinds
from ployd_policy.sdk.kubernetes.observe import observe
from ployd_policy.sdk.kubernetes.port import ClusterClient
from ployd_policy.sdk.kubernetes.render import APPLIED, RECEIPT, render_model

__all__ = [
    "APPLIED",
    "RECEIPT",
    "ClusterClient",
    "ClusterKinds",
    "KubernetesBackend",
    "OwnedKind",
    "object_path",
    "observe",
    "owned_kinds",
    "render_model",
]
