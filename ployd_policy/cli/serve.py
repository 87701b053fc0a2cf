"""`ployd-policy serve`: the validating admission webhook."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from ployd_policy.assembly import Setup
from ployd_policy.cli.options import address, engine_options, log_option, namespaced, rule_options, setup_of
from ployd_policy.workspace import load_settings

_FILE = click.Path(path_type=Path, dir_okay=False)
_SHARE = 0.75
"""Of the deadline, for an OPA server: one that is slow must not cost a worker each time."""


@click.command()
@click.option(
    "--listen",
    default="0.0.0.0:8443",
    show_default=True,
    metavar="HOST:PORT",
    callback=address,
    help="HTTPS: POST /validate.",
)
@click.option(
    "--probes",
    default="0.0.0.0:8081",
    show_default=True,
    metavar="HOST:PORT",
    callback=address,
    help="HTTP: /healthz, /readyz, /metrics.",
)
@click.option("--tls-cert", type=_FILE, metavar="FILE", help="Certificate to show; read again when it changes.")
@click.option("--tls-key", type=_FILE, metavar="FILE", help="Its key.")
@click.option(
    "--self-managed-tls",
    metavar="NAMESPACE/NAME",
    callback=namespaced,
    help="Instead: make certificates, keep them in this Secret, renew them.",
)
@click.option("--tls-name", "tls_names", multiple=True, metavar="DNS", help="Name they serve. Repeatable.")
@click.option(
    "--webhook-configuration",
    default="",
    metavar="NAME",
    help="The ValidatingWebhookConfiguration that is ours, to keep its caBundle and failurePolicy.",
)
@click.option(
    "--probe-namespace",
    default="",
    metavar="NAME",
    help="Set its failurePolicy to Fail once a bad object tried here is refused.",
)
@click.option("--client-ca", type=_FILE, metavar="FILE", help="Callers must show a certificate signed by one of these.")
@click.option(
    "--client-cn",
    "client_names",
    multiple=True,
    metavar="NAME",
    help="And its common name must be one of these. Repeatable.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Processes that decide.  [default: one a core]")
@click.option(
    "--deadline",
    type=click.FloatRange(min=0.1, max=29),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="For one review; keep it under the webhook's timeoutSeconds.",
)
@click.option(
    "--drain",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="After SIGTERM, serve on while unready.",
)
@click.option(
    "--audit-interval",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="Between audits of what is in the cluster; 0 for none.",
)
@click.option("--standalone", is_flag=True, help="Ask no cluster: environments by namespace name, no inventory rules.")
@click.option(
    "--kubeconfig", type=_FILE, metavar="FILE", help="Cluster to watch.  [default: the pod's service account]"
)
@click.option("--config", type=_FILE, metavar="FILE", help="Settings file.")
@click.option("--bundle", type=_FILE, metavar="FILE", help="Policies from a file that `ployd-policy bundle` wrote.")
@rule_options
@engine_options
@log_option
def serve(**options: Any) -> None:
    """Serve the validating admission webhook.

    Every review gets the verdict that `check` gives the same object. Whatever cannot be judged is refused, also where
    failurePolicy is Ignore. Policies, certificate and settings are read again when they change; a bad one is refused
    while the last good one serves. The log is JSON on standard output, one line a decision.
    """
    _check(options)
    # Here, because its libraries take longer to import than a small run of another command takes.
    from ployd_policy.assembly.admission import ServeOptions  # noqa: PLC0415
    from ployd_policy.assembly.admission import serve as run  # noqa: PLC0415

    about_rules = {
        name: options[name] for name in ("policies", "schemas", "catalogues", "select", "ignore", "engine", "opa_url")
    }
    config, bundle = options["config"], options["bundle"]
    sources = [*options["policies"], *options["schemas"], *options["catalogues"], config, bundle]
    run(
        ServeOptions(
            setup_of=partial(_setup, config, bundle, _SHARE * options["deadline"], about_rules),
            sources=tuple(path for path in sources if path is not None),
            reviews=options["listen"],
            probes=options["probes"],
            certificate=options["tls_cert"],
            key=options["tls_key"],
            own_secret=options["self_managed_tls"],
            tls_names=options["tls_names"],
            configuration=options["webhook_configuration"],
            probe_namespace=options["probe_namespace"],
            audit_every_s=options["audit_interval"],
            client_ca=options["client_ca"],
            client_names=options["client_names"],
            workers=options["workers"] or os.cpu_count() or 1,
            deadline_s=options["deadline"],
            drain_s=options["drain"],
            standalone=options["standalone"],
            kubeconfig=options["kubeconfig"],
            log_level=options["log_level"],
        )
    )


def _check(options: dict[str, Any]) -> None:
    """Refuse options that do not go together."""
    mounted, own = options["tls_cert"] or options["tls_key"], options["self_managed_tls"]
    if bool(options["tls_cert"]) != bool(options["tls_key"]) or bool(mounted) == bool(own):
        raise click.UsageError(
            "the API server calls webhooks over TLS only: give --tls-cert and --tls-key, or --self-managed-tls"
        )
    if own and not options["tls_names"]:
        raise click.UsageError("--self-managed-tls needs --tls-name: the name the API server calls us by")
    if options["client_names"] and not options["client_ca"]:
        raise click.UsageError("--client-cn needs --client-ca")
    if options["probe_namespace"] and not options["webhook_configuration"]:
        raise click.UsageError("--probe-namespace needs --webhook-configuration")
    of_cluster = ("kubeconfig", "self_managed_tls", "webhook_configuration", "audit_interval")
    named = [f"--{name.replace('_', '-')}" for name in of_cluster if options[name]]
    if options["standalone"] and named:
        raise click.UsageError(f"--standalone asks no cluster, and {named[0]} needs one")


def _setup(config: Path | None, bundle: Path | None, seconds: float, options: dict[str, Any]) -> Setup:
    """The setup the command line asks for, with the settings as they are now."""
    return replace(setup_of(load_settings(config), options), bundle=bundle, opa_timeout_s=seconds)
