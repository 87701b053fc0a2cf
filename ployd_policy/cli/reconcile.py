"""`ployd-policy reconcile`: the controller that deploys what is compliant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ployd_policy.cli.options import log_option, namespaced, rule_options, setup_of
from ployd_policy.workspace import load_settings

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option(
    "--kubeconfig", type=_FILE, metavar="FILE", help="Cluster to work in.  [default: the pod's service account]"
)
@click.option("--config", type=_FILE, metavar="FILE", help="Settings file.")
@click.option(
    "--lease",
    default="ployd-policy/ployd-policy-reconciler",
    show_default=True,
    metavar="NAMESPACE/NAME",
    callback=namespaced,
    help="Whoever of several holds it works; the others wait.",
)
@click.option(
    "--on-violation",
    type=click.Choice(["keep", "scale-to-zero"]),
    default="keep",
    show_default=True,
    help="What happens to a model that serves and is not compliant any more.",
)
@click.option("--workers", type=click.IntRange(min=1), default=8, show_default=True, help="Resources at once.")
@rule_options
@log_option
def reconcile(**options: Any) -> None:
    """Deploy every compliant ModelDeployment of a cluster, and say in the status of each resource what is.

    What policy refuses is never deployed; what serves already serves on. The log is JSON on standard output.
    """
    # Here, because its libraries take longer to import than a small run of another command takes.
    from ployd_policy.assembly.reconciling import ReconcileOptions  # noqa: PLC0415
    from ployd_policy.assembly.reconciling import reconcile as run  # noqa: PLC0415
    from ployd_policy.log import configure  # noqa: PLC0415
    from ployd_policy.reconciler.plan import OnViolation  # noqa: PLC0415

    run(
        ReconcileOptions(
            setup=setup_of(load_settings(options["config"]), options),
            kubeconfig=options["kubeconfig"],
            lease_namespace=options["lease"][0],
            lease_name=options["lease"][1],
            on_violation=OnViolation(options["on_violation"]),
            workers=options["workers"],
        ),
        configure(options["log_level"]),
    )
