"""`ployd-policy bundle`: the policies as an OPA bundle, for a shared or sidecar OPA server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ployd_policy.assembly import load_policies
from ployd_policy.cli.options import rule_options, setup_of
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.rego import bundle_archive
from ployd_policy.workspace import find_root, load_settings
from ployd_policy.workspace.settings import settings_file

_PATH = click.Path(path_type=Path)


@click.command()
@click.option("-o", "--output", type=_PATH, default=Path("bundle.tar.gz"), show_default=True, metavar="FILE")
@click.option(
    "--config",
    type=_PATH,
    metavar="FILE",
    help="Settings file whose environments go into the bundle; found from here otherwise.",
)
@rule_options
def bundle(output: Path, config: Path | None, **options: Any) -> None:
    """Write policies and data as an OPA bundle.

    Serve it with `opa run --server --bundle bundle.tar.gz`, then judge with `ployd-policy check --engine opa
    --opa-url http://127.0.0.1:8181`. The same files give the same bytes.
    """
    settings = load_settings(config or settings_file(find_root([Path()])))
    policies = load_policies(setup_of(settings, options))
    try:
        output.write_bytes(bundle_archive(policies))
    except OSError as error:
        raise ConfigurationError(f"cannot write {output}: {error.strerror}") from error
    click.echo(f"{output}: {len(policies.rules)} rules, {policies.digest}")
