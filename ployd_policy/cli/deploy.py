"""`ployd-policy deploy`: from a repository to running models."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ployd_policy import report as reports
from ployd_policy.cli import exit_codes
from ployd_policy.cli.options import lease_option, rule_options, scope_of, setup_of
from ployd_policy.cli.rollout_display import Display, shown
from ployd_policy.cli.terminal import printable, put, wants_color
from ployd_policy.crd.goduration import parse_duration
from ployd_policy.model.errors import ConfigurationError, PloydPolicyError
from ployd_policy.report.encode import to_json
from ployd_policy.rollout import text
from ployd_policy.rollout.plan import Action
from ployd_policy.rollout.run import Pace, Rollout
from ployd_policy.sdk.calls import as_json, as_python
from ployd_policy.workspace import find_root, load_settings
from ployd_policy.workspace.settings import settings_file

if TYPE_CHECKING:  # its libraries take longer to import than a small run of another command takes
    from ployd_policy.assembly.deploying import Deployer, Prepared

_PATH = click.Path(path_type=Path)
_FILE = click.Path(path_type=Path, dir_okay=False)
_INTERRUPTED = 130


def _duration(_context: click.Context, _parameter: click.Parameter, value: str) -> float:
    found = parse_duration(value)
    if found is None or found <= 0:
        raise click.BadParameter(f"{value!r} is no duration such as 90s, 30m or 1h30m")
    return found / 1e9


@click.command()
@click.argument("paths", nargs=-1, required=True, type=_PATH)
@click.option("-e", "--environment", required=True, metavar="NAME", help="Environment that is deployed to.")
@click.option("--root", type=_PATH, metavar="DIR", help="Root of the repository; found from PATHS otherwise.")
@click.option("--config", type=_PATH, metavar="FILE", help="Settings file; found at the root otherwise.")
@click.option(
    "--kubeconfig",
    type=_FILE,
    metavar="FILE",
    help="Cluster to deploy to.  [default: KUBECONFIG, ~/.kube/config, or the pod's service account]",
)
@click.option("--context", metavar="NAME", help="Context of the kubeconfig.")
@click.option(
    "--sdk",
    type=click.Choice(["auto", "ployd", "kubernetes"]),
    default="auto",
    show_default=True,
    help="Who makes models: the installed package ployd, or a reconciler in the cluster; auto: ployd if installed.",
)
@click.option(
    "--source", default="", metavar="NAME", help="Name of this repository in the cluster.  [default: its folder's]"
)
@click.option("--prune", is_flag=True, help="Remove what was deployed from this repository and is not in it any more.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and the calls of the SDK; change nothing.")
@click.option(
    "-y",
    "--yes",
    is_flag=True,
    envvar="PLOYD_POLICY_YES",
    show_envvar=True,
    help="Deploy without asking, also where the environment wants to be asked.",
)
@click.option("--no-wait", is_flag=True, help="Do not wait until what is applied is healthy.")
@click.option(
    "--timeout",
    default="30m",
    show_default=True,
    metavar="DURATION",
    callback=_duration,
    help="For all of it to become healthy.",
)
@lease_option("Lease of the reconciler; where none holds it, this command reconciles until it ends.")
@click.option("--trail", type=_FILE, metavar="FILE", help="Append every decision and every call to this audit trail.")
@rule_options
@click.option("-f", "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
def deploy(paths: tuple[Path, ...], **options: Any) -> int:
    """Deploy the models, routes and canaries in PATHS that belong to one environment.

    Everything is judged first, and nothing is touched unless all of it is allowed. Then the difference to what is there
    is shown; then models are applied, routes when these are healthy, and canaries when those are. It can be interrupted
    and run again at any time: what is done already is not done again.
    """
    from ployd_policy.assembly.deploying import Deployer  # noqa: PLC0415 - see above

    deployer = Deployer.of(_options(paths, options))
    left_out = deployer.left_out
    if left_out:
        click.echo(printable(f"warning: judged without {left_out}"), err=True)
    color = wants_color(options["color"])
    judged = deployer.judge()
    trail = None if options["dry_run"] else deployer.open_trail()
    deployer.write_decisions(judged, trail)
    if not judged.allowed:
        put(reports.render(options["format_"], judged.report, reports.RenderOptions(color=color)))
        click.echo("nothing was deployed", err=True)
        return exit_codes.DENIED
    prepared = deployer.prepare(judged, trail)
    plain = options["format_"] == "text"
    if plain:
        put(shown(text.plan_lines(prepared.plan), color=color))
    if options["dry_run"]:
        put(_calls(prepared) if plain else _json(prepared, None))
    if prepared.plan.count(Action.REFUSED):
        if not plain and not options["dry_run"]:
            put(_json(prepared, None))
        click.echo("nothing was deployed: the API server refuses a part of it", err=True)
        return exit_codes.DENIED
    if options["dry_run"]:
        return exit_codes.CLEAN
    if not prepared.plan.idle:
        _confirm(deployer, prepared.plan.where, options)
    display = Display(total=len(prepared.plan.steps))
    rollout = deployer.rollout(prepared, display.tell, trail)
    _run(rollout, display)
    results = list(rollout.results.values())
    put(f"{deployer.options.environment}: {text.summary(results)}\n" if plain else _json(prepared, rollout))
    return exit_codes.CLEAN if rollout.good else exit_codes.DENIED


def _run(rollout: Rollout, display: Display) -> None:
    """Do it; where it is interrupted, say how far it came."""
    try:
        with display:
            asyncio.run(_until_a_signal(rollout))
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo(f"interrupted: {_so_far(rollout)}", err=True)
        sys.exit(_INTERRUPTED)
    except PloydPolicyError:
        click.echo(f"broken off: {_so_far(rollout)}", err=True)
        raise


async def _until_a_signal(rollout: Rollout) -> None:
    """Do it; SIGTERM, by which pipelines are cancelled, interrupts it as Ctrl-C does.

    Both are asked for: a shell starts what runs in the background with SIGINT ignored.
    """
    doing = asyncio.ensure_future(rollout.run())
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, doing.cancel)
    await doing


def _so_far(rollout: Rollout) -> str:
    done = text.summary(list(rollout.results.values()))
    return f"{done}. What is done stays; the same command goes on from there."


def _options(paths: tuple[Path, ...], options: dict[str, Any]) -> Any:
    from ployd_policy.assembly.deploying import DeployOptions  # noqa: PLC0415 - see above

    root = options["root"] or find_root(list(paths))
    settings = load_settings(options["config"] or settings_file(root))
    return DeployOptions(
        setup=setup_of(settings, options),
        scope=scope_of(settings, root, paths, environment=options["environment"], strict=settings.strict),
        environment=options["environment"],
        kubeconfig=options["kubeconfig"] or _kubeconfig(),
        context=options["context"],
        sdk=options["sdk"],
        source=options["source"],
        prune=options["prune"],
        lease=options["lease"],
        trail=options["trail"],
        pace=Pace(timeout_s=options["timeout"], wait=not options["no_wait"]),
    )


def _kubeconfig() -> Path | None:
    """Where kubectl would look; None: in a pod."""
    named = os.environ.get("KUBECONFIG")
    usual = Path.home() / ".kube" / "config"
    return Path(named) if named else usual if usual.is_file() else None


def _confirm(deployer: Deployer, where: str, options: dict[str, Any]) -> None:
    """Ask, where the environment wants it.

    Raises:
        ConfigurationError: there is nobody to ask.
        Abort: the answer is no.

    """
    if options["yes"] or not deployer.confirms:
        return
    environment = options["environment"]
    if options["format_"] == "json" or not sys.stdin.isatty():
        raise ConfigurationError(
            f"somebody has to say yes to a rollout to {environment}, and there is nobody to ask",
            remedy="Look at --dry-run, then run it with --yes. Nothing was deployed.",
        )
    click.confirm(printable(f"Deploy this to {environment}, into {where}?"), abort=True, err=True)


def _calls(prepared: Prepared) -> str:
    return printable("\n" + "\n".join(as_python(each) for each in prepared.calls))


def _json(prepared: Prepared, rollout: Rollout | None) -> str:
    told = text.plan_json(prepared.plan)
    if rollout is not None:
        told |= {"results": text.results_json(list(rollout.results.values())), "good": rollout.good}
    else:
        told["calls"] = [json.loads(as_json(each)) for each in prepared.calls]
    return to_json(told)
