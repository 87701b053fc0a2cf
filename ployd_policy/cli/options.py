"""Options that several commands share: which policies, schemas and engine, and the settings they are laid over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ployd_policy import report as reports
from ployd_policy.assembly import Scope, Setup
from ployd_policy.cli.terminal import printable
from ployd_policy.workspace import Settings

_F = TypeVar("_F", bound=Callable[..., Any])
_FOLDER = click.Path(path_type=Path)
_LARGEST_PORT = 65535


def rule_options(command: _F) -> _F:
    """Where rules and schemas come from, and which of them speak."""
    for option in (
        click.option("--ignore", multiple=True, metavar="RULE", help="Leave out a rule or category. Repeatable."),
        click.option("--select", multiple=True, metavar="RULE", help="Run only this rule or category. Repeatable."),
        click.option(
            "--catalogue",
            "catalogues",
            multiple=True,
            type=_FOLDER,
            metavar="DIR",
            help="More GPUs, models, vLLM versions, prices, platform settings. Repeatable.",
        ),
        click.option("--schema", "schemas", multiple=True, type=_FOLDER, metavar="DIR", help="More CRDs. Repeatable."),
        click.option(
            "--policy", "policies", multiple=True, type=_FOLDER, metavar="DIR", help="More Rego policies. Repeatable."
        ),
    ):
        command = option(command)
    return command


def engine_options(command: _F) -> _F:
    """Which engine runs the rules."""
    for option in (
        click.option("--opa-url", metavar="URL", help="OPA server for --engine opa, with our bundle loaded."),
        click.option(
            "--engine",
            type=click.Choice(["native", "opa"]),
            default="native",
            show_default=True,
            help="Embedded engine, or an OPA server.",
        ),
    ):
        command = option(command)
    return command


def namespaced(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, str] | None:
    """Callback of an option that names an object as NAMESPACE/NAME."""
    if value is None:
        return None
    namespace, separator, name = value.partition("/")
    if not separator or not namespace or not name or "/" in name:
        raise click.BadParameter(f"{value!r} is not NAMESPACE/NAME")
    return namespace, name


def address(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, int] | None:
    """Callback of an option that says where to listen, as HOST:PORT."""
    if value is None:
        return None
    host, separator, port = value.rpartition(":")
    if not separator or not port.isascii() or not port.isdigit() or int(port) > _LARGEST_PORT:
        raise click.BadParameter(f"{value!r} is not HOST:PORT")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - a server in a pod listens to its node


def lease_option(told: str) -> Callable[[_F], _F]:
    """The reconciler's Lease, with what it is to this command."""
    return click.option(
        "--lease",
        default="ployd-policy/ployd-policy-reconciler",
        show_default=True,
        metavar="NAMESPACE/NAME",
        callback=namespaced,
        help=told,
    )


def log_option(command: _F) -> _F:
    """How much a server logs."""
    levels = click.Choice(["debug", "info", "warning", "error"])
    return click.option("--log-level", type=levels, default="info", show_default=True)(command)


def report_options(command: _F) -> _F:
    """What is printed, and what is written beside it."""
    for option in (
        click.option(
            "-o", "--output", "outputs", multiple=True, metavar="FORMAT=FILE", help="Also write a report. Repeatable."
        ),
        click.option(
            "-f",
            "--format",
            "format_",
            type=click.Choice(sorted(reports.FORMATS)),
            default="text",
            show_default=True,
            help="What to print.",
        ),
    ):
        command = option(command)
    return command


def setup_of(settings: Settings, options: dict[str, Any]) -> Setup:
    """The command line laid over the settings: lists add up, selections replace."""
    if options.get("engine", "native") == "opa" and not options.get("opa_url"):
        raise click.UsageError("--engine opa needs --opa-url")
    if options.get("opa_url") and options.get("engine") != "opa":
        raise click.UsageError("--opa-url needs --engine opa")
    return Setup(
        environments=settings.environments,
        policies=(*settings.policies, *options["policies"]),
        schemas=(*settings.schemas, *options["schemas"]),
        catalogues=(*settings.catalogues, *options["catalogues"]),
        select=options["select"] or settings.select,
        ignore=(*settings.ignore, *options["ignore"]),
        opa_url=options.get("opa_url"),
        on_print=_show_print if options.get("verbose") else _drop_print,
    )


def scope_of(settings: Settings, root: Path, paths: tuple[Path, ...], **more: Any) -> Scope:
    """The files a command is about, with what the settings leave out and what exists besides."""
    inventory = (*settings.inventory, *more.pop("inventory", ()))
    return Scope(root=root, paths=paths, inventory=inventory, exclude=settings.exclude, **more)


def _show_print(line: str) -> None:
    click.echo(f"print: {printable(line)}", err=True)


def _drop_print(_line: str) -> None:
    pass
