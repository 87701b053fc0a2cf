"""`ployd-policy rules`: which rules there are, and which an environment runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ployd_policy import report as reports
from ployd_policy.assembly import wire
from ployd_policy.cli.options import rule_options, setup_of
from ployd_policy.cli.terminal import put, wants_color
from ployd_policy.engine import Door
from ployd_policy.workspace import find_root, load_settings
from ployd_policy.workspace.settings import settings_file


@click.command()
@click.option("-e", "--environment", metavar="NAME", help="Only rules that run in this environment.")
@click.option(
    "-f", "--format", "format_", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True
)
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings file.")
@rule_options
def rules(environment: str | None, format_: str, config: Path | None, **options: Any) -> None:
    """List the rules: of text, of schemas and of policies."""
    settings = load_settings(config or settings_file(find_root([Path()])))
    wired = wire(setup_of(settings, options), Door.REPOSITORY)
    engine = wired.engine
    shown = [rule for rule in wired.rules.values() if rule.id not in engine.rules or engine.selection.includes(rule.id)]
    if environment is not None:
        demands = engine.environments.demands(environment)
        shown = [rule for rule in shown if demands.asks_for(rule)]
    if format_ == "json":
        put(reports.rules_json(shown))
    elif format_ == "markdown":
        put(reports.rules_page(shown))
    else:
        put(reports.rules_table(shown, reports.RenderOptions(color=wants_color())))
