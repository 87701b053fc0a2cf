"""`ployd-policy check`: judge files, print, exit. Hook and CI gate are this command."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ployd_policy import report as reports
from ployd_policy.assembly import check_files
from ployd_policy.cli.options import engine_options, report_options, rule_options, scope_of, setup_of
from ployd_policy.cli.results import exit_code, output_of, write_report
from ployd_policy.cli.terminal import put, wants_color
from ployd_policy.model.finding import Severity
from ployd_policy.workspace import find_root, load_settings
from ployd_policy.workspace.settings import settings_file

_PATH = click.Path(path_type=Path)
# A bar for a run of a second only flickers.
_FILES_WORTH_A_BAR = 500
_CORES = os.cpu_count() or 1


@click.command()
@click.argument("paths", nargs=-1, type=_PATH)
@click.option("--root", type=_PATH, metavar="DIR", help="Root of the repository; found from PATHS otherwise.")
@click.option("--config", type=_PATH, metavar="FILE", help="Settings file; found at the root otherwise.")
@click.option("-e", "--environment", metavar="NAME", help="Environment of files that no mapping covers.")
@report_options
@click.option("--changed-since", metavar="REV", help="Judge only files that differ from where REV was left.")
@click.option("--inventory", multiple=True, type=_PATH, metavar="DIR", help="Another checkout whose objects exist too.")
@click.option("--kustomize", multiple=True, type=_PATH, metavar="DIR", help="Judge what an overlay builds to.")
@click.option("--helm", multiple=True, type=_PATH, metavar="CHART", help="Judge what a chart renders to.")
@click.option("--values", multiple=True, type=_PATH, metavar="FILE", help="Values file for --helm. Repeatable.")
@rule_options
@click.option(
    "--strict",
    is_flag=True,
    help="What nobody could judge is an error: unknown kinds, undecided checks, unrendered files.",
)
@click.option("--fail-on", type=click.Choice(["error", "warn"]), help="What exits with 1.  [default: error]")
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Processes, at most one a core.  [default: one a core]")
@engine_options
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
@click.option("-v", "--verbose", is_flag=True, help="List what was skipped, and why; show what policies print.")
def check(paths: tuple[Path, ...], **options: Any) -> int:
    """Judge manifests: files, or everything in a folder (default: this one).

    Each object is judged by its schema, by the policies of its environment, and against all other objects of the
    repository, also those outside PATHS. `-` reads standard input.
    """
    outputs = [output_of(text) for text in options["outputs"]]
    if len({file for _, file in outputs}) < len(outputs):
        raise click.UsageError("two --output name the same file")
    if options["values"] and not options["helm"]:
        raise click.UsageError("--values needs --helm")
    rendered = bool(options["kustomize"] or options["helm"])
    targets = paths or (() if rendered else (Path(),))
    places = [path for path in targets if str(path) != "-"] or [*options["kustomize"], *options["helm"]] or [Path()]
    root = options["root"] or find_root(places)
    settings = load_settings(options["config"] or settings_file(root))
    scope = scope_of(
        settings,
        root,
        tuple(path for path in targets if str(path) != "-"),
        standard_input=sys.stdin.buffer.read() if Path("-") in targets else None,
        changed_since=options["changed_since"],
        inventory=options["inventory"],
        kustomize=options["kustomize"],
        helm=options["helm"],
        values=options["values"],
        environment=options["environment"],
        strict=options["strict"] or settings.strict,
        jobs=min(options["jobs"] or _CORES, _CORES),
    )
    setup = setup_of(settings, options)
    with _progress() as (total, advance):
        result = check_files(setup, scope, total=total, progress=advance)
    fail_on = Severity.WARNING if (options["fail_on"] or settings.fail_on) == "warn" else Severity.ERROR
    plain = reports.RenderOptions(verbose=options["verbose"], fail_on=fail_on)
    put(reports.render(options["format_"], result, replace(plain, color=wants_color(options["color"]))))
    for format_, file in outputs:
        write_report(file, reports.render(format_, result, plain))
    return exit_code(result, fail_on)


@contextmanager
def _progress() -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """Two functions: how many files there are, and how many more are done. They draw on a terminal only."""
    bar = Progress(
        TextColumn("judging"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task("judging", total=None)

    def total(files: int) -> None:
        bar.update(task, total=files)

    def advance(files: int) -> None:
        # Started at the first answer, so that no thread of the bar is alive when workers are forked.
        if not bar.live.is_started and bar.console.is_terminal and (bar.tasks[0].total or 0) >= _FILES_WORTH_A_BAR:
            bar.start()
        bar.advance(task, files)

    try:
        yield total, advance
    finally:
        # A bar that never started would print an empty line.
        if bar.live.is_started:
            bar.stop()
