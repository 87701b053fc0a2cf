"""`ployd-policy history`: what happened to one object, from the audit trail. It changes nothing."""

from __future__ import annotations

from pathlib import Path

import click

from ployd_policy import __version__
from ployd_policy.cli import exit_codes
from ployd_policy.cli.terminal import printable, put
from ployd_policy.report.display import counted
from ployd_policy.report.history import render_history_json, render_history_text
from ployd_policy.trail import History, subject_of

_FILE = click.Path(path_type=Path, dir_okay=False)
_LOG = click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True)


@click.command()
@click.argument("object_", metavar="[OBJECT]", default="")
@click.option(
    "--trail",
    "trails",
    multiple=True,
    type=_LOG,
    metavar="FILE",
    help="Trail, or log of the webhook or the reconciler; - is standard input. Repeatable.",
)
@click.option("-n", "--namespace", default="", metavar="NAME", help="Namespace of the object.  [default: any]")
@click.option("--receipt", default="", metavar="DIGEST", help="Only what has this receipt; its first digits do.")
@click.option("--kubeconfig", type=_FILE, metavar="FILE", help="Cluster whose Events are shown too.")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="Only the newest N.  [default: all]")
@click.option("-f", "--format", "format_", type=click.Choice(["json", "text"]), default="text", show_default=True)
def history(  # noqa: PLR0917 - click gives each by its name
    object_: str,
    trails: tuple[Path, ...],
    namespace: str,
    receipt: str,
    kubeconfig: Path | None,
    last: int | None,
    format_: str,
) -> int:
    """Show what was decided about an object and done with it, oldest first.

    OBJECT is KIND/NAMESPACE/NAME, KIND/NAME, NAMESPACE/NAME or NAME; without a kind it is a ModelDeployment. Without
    OBJECT, --receipt shows everything that was judged alike, whoever judged it.

    Exits with 1 where nothing is found.
    """
    if not trails and kubeconfig is None:
        raise click.UsageError("name what to look in: --trail FILE, or --kubeconfig FILE for Events alone")
    subject = subject_of(object_, namespace=namespace, receipt=receipt)
    if kubeconfig is not None and not subject.name:
        raise click.UsageError("--kubeconfig needs OBJECT: Events are about objects and carry no receipt")
    # Here, because the Kubernetes client takes longer to import than a small run of another command takes.
    from ployd_policy.assembly.history import find_history  # noqa: PLC0415

    found = find_history(subject, trails, kubeconfig, newest=last)
    put(render_history_json(found, __version__) if format_ == "json" else render_history_text(found))
    _tell(found)
    if not found.entries:
        click.echo(printable(f"there is nothing about {subject}"), err=True)
        return exit_codes.DENIED
    return exit_codes.CLEAN


def _tell(found: History) -> None:
    """What was left out, and why."""
    if found.older:
        click.echo(f"left out, being older: {found.older:,}", err=True)
    for place in found.places:
        click.echo(printable(f"not read: {place}"), err=True)
    if more := found.unread - len(found.places):
        click.echo(f"not read: {more:,} more", err=True)
    if found.others:
        click.echo(f"passed over: {counted(found.others, 'other line')} of logs", err=True)
