"""`ployd-policy reconcile`: the controller that deploys what is compliant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ployd_policy.cli.options import address, lease_option, log_option, rule_options, setup_of
from ployd_policy.workspace import load_settings

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option(
    "--kubeconfig", type=_FILE, metavar="FILE", help="Cluster to work in.  [default: the pod's service account]"
)
@click.option("--config", type=_FILE, metavar="FILE", help="Settings file.")
@lease_option("Whoever of several holds it works; the others wait.")
@click.option(
    "--on-violation",
    type=click.Choice(["keep", "scale-to-zero"]),
    default="keep",
    show_default=True,
    help="What happens to a model that serves and is not compliant any more.",
)
@click.option(
    "--on-failed-rollout",
    type=click.Choice(["rollback", "keep"]),
    default="rollback",
    show_default=True,
    help="What happens where a change does not become ready in its time.",
)
@click.option(
    "--sdk",
    type=click.Choice(["auto", "ployd", "kubernetes"]),
    default="auto",
    show_default=True,
    help="Who makes models: the installed package ployd, or the built-in backend; auto: ployd if installed.",
)
@click.option("--trail", default="", metavar="FILE|-", help="Audit trail to append to; - is standard output.")
@click.option(
    "--registry",
    envvar="PLOYD_POLICY_REGISTRY",
    metavar="URI",
    help="Model registry in which each deployment is noted; a password belongs into the environment.",
    show_envvar=True,
)
@click.option("--require-registry", is_flag=True, help="Hold back what is not registered there.")
@click.option(
    "--probes",
    metavar="HOST:PORT",
    callback=address,
    help="HTTP: /healthz, /readyz, /metrics.  [default: none]",
)
@click.option("--workers", type=click.IntRange(min=1), default=8, show_default=True, help="Resources at once.")
@click.option("--bundle", type=_FILE, metavar="FILE", help="Policies from a file that `ployd-policy bundle` wrote.")
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
    from ployd_policy.reconciler.rollback import OnFailedRollout  # noqa: PLC0415

    if options["require_registry"] and not options["registry"]:
        raise click.UsageError("--require-registry needs --registry")
    run(
        ReconcileOptions(
            setup=replace(setup_of(load_settings(options["config"]), options), bundle=options["bundle"]),
            kubeconfig=options["kubeconfig"],
            lease_namespace=options["lease"][0],
            lease_name=options["lease"][1],
            on_violation=OnViolation(options["on_violation"]),
            on_failed_rollout=OnFailedRollout(options["on_failed_rollout"]),
            sdk=options["sdk"],
            workers=options["workers"],
            trail=options["trail"],
            registry=options["registry"] or "",
            require_registry=options["require_registry"],
            probes=options["probes"],
        ),
        configure(options["log_level"]),
    )
