"""`ployd-policy register-model`: an entry of the model registry, for deployments to name."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import click

from ployd_policy.cli.terminal import put
from ployd_policy.model.errors import ConfigurationError, ToolError

# Other processes see what a command line says, so a URI with a password belongs here.
_VARIABLE = "PLOYD_POLICY_REGISTRY"


@click.command("register-model")
@click.option("--name", required=True, metavar="NAME", help="Name of the model.")
@click.option("--version", required=True, metavar="VERSION", help="Its version, as spec.modelRegistry.version.")
@click.option("--path", "model_path", required=True, metavar="PATH", help="Where the weights are, as spec.model.path.")
@click.option("--framework", required=True, metavar="NAME", help="Model server it is for, as spec.model.framework.")
@click.option(
    "--metadata", multiple=True, metavar="KEY=VALUE", help="What else to note; VALUE is JSON or a text. Repeatable."
)
@click.option("--id", "model_id", default="", metavar="ID", help="Id to find it by.  [default: NAME/NUMBER]")
@click.option(
    "--registry",
    envvar=_VARIABLE,
    metavar="URI",
    help=f"sqlite:///FILE, postgresql://... or http(s)://...; ${_VARIABLE} otherwise.  [default: a file of yours]",
)
@click.option("-f", "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def register_model(**options: Any) -> None:
    """Register a model in MLflow's model registry, and print the id for spec.modelRegistry.modelId.

    The same name, version, path and framework give the same id again. Another path or framework under a version that
    is registered is refused. A URI with a password belongs into the environment variable.
    """
    metadata = _metadata(options["metadata"])
    # Here, because other commands need none of it.
    from ployd_policy.sdk.interface import SdkError  # noqa: PLC0415
    from ployd_policy.sdk.registry import embedded_uri, open_registry  # noqa: PLC0415

    uri = options["registry"] or embedded_uri(os.environ, Path.home())
    entry = {key: options[key] for key in ("name", "version", "model_path", "framework")}
    registry = open_registry(uri, create=True)
    try:
        model_id = asyncio.run(registry.register_model(**entry, metadata=metadata, model_id=options["model_id"]))
    except SdkError as error:
        if error.retryable:
            raise ToolError(error.message, remedy="See that the registry is up, and try again.") from None
        raise ConfigurationError(error.message) from None
    if options["format_"] == "json":
        put(json.dumps({"modelId": model_id, "version": entry["version"]}, ensure_ascii=False) + "\n")
    else:
        put(f"{model_id}\n")


def _metadata(pairs: tuple[str, ...]) -> dict[str, Any]:
    """KEY=VALUE pairs; a value that is no JSON is a text."""
    found: dict[str, Any] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise click.BadParameter(f"{pair!r} is not KEY=VALUE", param_hint="--metadata")
        if key in found:
            raise click.BadParameter(f"{key} is given twice", param_hint="--metadata")
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found
