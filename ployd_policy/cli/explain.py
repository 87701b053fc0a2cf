"""`ployd-policy explain`: a rule with examples, or every rule that judged a file and why it passed."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import click

from ployd_policy import report as reports
from ployd_policy.assembly import Wired, bundled, check_with, wire
from ployd_policy.cli.options import engine_options, rule_options, scope_of, setup_of
from ployd_policy.cli.terminal import put, wants_color
from ployd_policy.engine import Door
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.workspace import find_root, load_settings
from ployd_policy.workspace.settings import settings_file

_PATH = click.Path(path_type=Path)
_EXAMPLE_SUFFIXES = (".yaml", ".yml", ".json")


@click.command()
@click.argument("target", metavar="RULE|FILE")
@click.option("--root", type=_PATH, metavar="DIR", help="Root of FILE's repository; found from FILE otherwise.")
@click.option("--config", type=_PATH, metavar="FILE", help="Settings file; found at the root otherwise.")
@click.option("-e", "--environment", metavar="NAME", help="Environment of a FILE that no mapping covers.")
@rule_options
@engine_options
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
def explain(target: str, root: Path | None, config: Path | None, environment: str | None, **options: Any) -> None:
    """Explain a rule, with an example it passes and one it refuses; or a file: every rule that judged it."""
    file = Path(target)
    is_file = file.is_file()
    root = root or find_root([file if is_file else Path()])
    settings = load_settings(config or settings_file(root))
    wired = wire(setup_of(settings, options), Door.REPOSITORY)
    style = reports.RenderOptions(color=wants_color(options["color"]))
    if not is_file:
        put(_rule(target, wired, style))
        return
    report = check_with(wired, scope_of(settings, root, (file,), environment=environment))
    environments = wired.engine.environments
    levels = {name: environments.demands(name).level for name in environments.order}
    catalogue = reports.Catalogue(rules=wired.rules, levels=levels)
    for judged in report.files:
        put(reports.explain_file(judged, catalogue, style))


def _rule(name: str, wired: Wired, style: reports.RenderOptions) -> str:
    rule = wired.rules.get(name)
    if rule is None:
        near = difflib.get_close_matches(name, wired.rules, 1)
        if near:
            raise ConfigurationError(f"{name} is neither a rule nor a file", remedy=f"Did you mean {near[0]}?")
        raise ConfigurationError(f"{name} is neither a rule nor a file", remedy="`ployd-policy rules` lists the rules.")
    folder = bundled("examples").joinpath(*rule.id.split("."))
    examples = reports.Examples(passing=_example(folder / "allow"), failing=_example(folder / "deny"))
    return reports.explain_rule(rule, examples, style)


def _example(folder: Path) -> reports.Example | None:
    """The first example of a folder; of one that is a small repository, its files one after the other."""
    first = next((path for path in sorted(folder.glob("*")) if path.is_dir() or path.suffix in _EXAMPLE_SUFFIXES), None)
    if first is None:
        return None
    if first.is_file():
        return reports.Example(file=first.name, text=first.read_text("utf-8"))
    files = sorted(path for path in first.rglob("*") if path.suffix in _EXAMPLE_SUFFIXES)
    text = "".join(f"# {path.relative_to(first)}\n{path.read_text('utf-8')}\n" for path in files)
    return reports.Example(file=first.name, text=text)
