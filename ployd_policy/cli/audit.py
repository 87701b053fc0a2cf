"""`ployd-policy audit`: judge what is in a cluster already, print, exit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ployd_policy import report as reports
from ployd_policy.cli.options import engine_options, report_options, rule_options, setup_of
from ployd_policy.cli.results import exit_code, output_of, write_report
from ployd_policy.cli.terminal import put, wants_color
from ployd_policy.model.finding import Severity
from ployd_policy.workspace import load_settings

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option(
    "--kubeconfig", type=_FILE, metavar="FILE", help="Cluster to judge.  [default: the pod's service account]"
)
@click.option("--config", type=_FILE, metavar="FILE", help="Settings file.")
@report_options
@rule_options
@click.option("--fail-on", type=click.Choice(["error", "warn"]), help="What exits with 1.  [default: error]")
@engine_options
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
@click.option("-v", "--verbose", is_flag=True, help="List what was skipped, and why; show what policies print.")
def audit(**options: Any) -> int:
    """Judge what is in a cluster: every model, route, canary, network policy and quota, as `check` judges files.

    Lines are those of the object as YAML. An object that an older policy let in shows up here first.
    """
    # Here, because the Kubernetes client takes longer to import than a small run of another command takes.
    from ployd_policy.assembly.audit import audit_cluster  # noqa: PLC0415

    outputs = [output_of(text) for text in options["outputs"]]
    settings = load_settings(options["config"])
    result = audit_cluster(setup_of(settings, options), options["kubeconfig"])
    fail_on = Severity.WARNING if (options["fail_on"] or settings.fail_on) == "warn" else Severity.ERROR
    plain = reports.RenderOptions(verbose=options["verbose"], fail_on=fail_on)
    put(reports.render(options["format_"], result, replace(plain, color=wants_color(options["color"]))))
    for format_, file in outputs:
        write_report(file, reports.render(format_, result, plain))
    return exit_code(result, fail_on)
