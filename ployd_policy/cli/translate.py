"""`ployd-policy translate`: the SDK calls that files lead to. It executes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ployd_policy.assembly import translate_files
from ployd_policy.cli import exit_codes
from ployd_policy.cli.options import rule_options, scope_of, setup_of
from ployd_policy.cli.terminal import printable, put
from ployd_policy.sdk.calls import as_json, as_python
from ployd_policy.workspace import find_root, load_settings
from ployd_policy.workspace.settings import settings_file

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=_PATH)
@click.option("--root", type=_PATH, metavar="DIR", help="Root of the repository; found from PATHS otherwise.")
@click.option("--config", type=_PATH, metavar="FILE", help="Settings file; found at the root otherwise.")
@click.option("-e", "--environment", metavar="NAME", help="Environment of files that no mapping covers.")
@click.option("-f", "--format", "format_", type=click.Choice(["python", "json"]), default="python", show_default=True)
@rule_options
def translate(paths: tuple[Path, ...], **options: Any) -> int:
    """Show the calls of the PloyD SDK that the resources in PATHS lead to.

    Nothing is called. Objects that policy refuses are translated too, and named on standard error; only what is
    compliant is ever executed.
    """
    root = options["root"] or find_root(list(paths))
    settings = load_settings(options["config"] or settings_file(root))
    scope = scope_of(settings, root, paths, environment=options["environment"])
    found = translate_files(setup_of(settings, options), scope)
    put("\n".join(as_python(each) if options["format_"] == "python" else as_json(each) for _, each in found))
    refused = [decision for decision, _ in found if not decision.allowed]
    for decision in refused:
        rules = ", ".join(sorted({finding.rule for finding in decision.findings}))
        click.echo(
            printable(f"not compliant, so this would not be called: {decision.resource.ref} ({rules})"), err=True
        )
    return exit_codes.DENIED if refused else exit_codes.CLEAN
