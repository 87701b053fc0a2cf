"""How a reconciler is to run. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ployd_policy.assembly.installed import KUBERNETES
from ployd_policy.assembly.wiring import Setup
from ployd_policy.reconciler.plan import OnViolation
from ployd_policy.reconciler.rollback import OnFailedRollout


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileOptions:
    """How a reconciler is to run."""

    setup: Setup
    kubeconfig: Path | None = None
    """None: the pod's service account."""
    lease_namespace: str = "ployd-policy"
    lease_name: str = "ployd-policy-reconciler"
    on_violation: OnViolation = OnViolation.KEEP
    on_failed_rollout: OnFailedRollout = OnFailedRollout.ROLLBACK
    sdk: str = KUBERNETES
    """Who makes models; see `installed`."""
    workers: int = 8
    """Resources that are worked on at once; each waits for the API server most of the time."""
    trail: str = ""
    """File of the audit trail, `-` for standard output; empty: none is kept."""
    registry: str = ""
    """URI of a model registry; empty: none is asked."""
    require_registry: bool = False
    """Only what is registered there is deployed."""
    probes: tuple[str, int] | None = None
    """Where a kubelet and Prometheus may ask; None: nowhere."""
