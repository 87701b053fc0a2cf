"""`ployd-policy plan`: what the models of some files take, whether they fit, and where else they would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ployd_policy import report as reports
from ployd_policy.assembly import plan_files
from ployd_policy.cli import exit_codes
from ployd_policy.cli.options import engine_options, rule_options, scope_of, setup_of
from ployd_policy.cli.terminal import put, wants_color
from ployd_policy.workspace import find_root, load_settings
from ployd_policy.workspace.settings import settings_file

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=_PATH)
@click.option("--gpu", "gpus", multiple=True, metavar="NAME", help="Also plan for this GPU. Repeatable.")
@click.option(
    "-f", "--format", "format_", type=click.Choice(sorted(reports.PLAN_FORMATS)), default="text", show_default=True
)
@click.option("--root", type=_PATH, metavar="DIR", help="Root of the repository; found from PATHS otherwise.")
@click.option("--config", type=_PATH, metavar="FILE", help="Settings file; found at the root otherwise.")
@click.option("-e", "--environment", metavar="NAME", help="Environment of files that no mapping covers.")
@rule_options
@engine_options
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
def plan(paths: tuple[Path, ...], gpus: tuple[str, ...], format_: str, **options: Any) -> int:
    """Show the GPU memory, concurrency, load time and cost of the models in PATHS, and where else they fit.

    Models are those of ModelDeployments and of every pod that runs vLLM. It exits with 0 whatever fits, for `check` is
    the gate, and with 1 where a file could not be read as text or object.
    """
    root = options["root"] or find_root(list(paths))
    settings = load_settings(options["config"] or settings_file(root))
    scope = scope_of(settings, root, paths, environment=options["environment"])
    found = plan_files(setup_of(settings, options), scope, gpus)
    put(reports.render_plan(format_, found, reports.RenderOptions(color=wants_color(options["color"]))))
    return exit_codes.DENIED if found.unread else exit_codes.CLEAN
