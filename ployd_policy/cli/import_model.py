"""`ployd-policy import-model`: a model's own config.json becomes an entry of a catalogue."""

from __future__ import annotations

from pathlib import Path

import click

from ployd_policy.capacity import entry_from_config, from_entry, problems, with_weights
from ployd_policy.cli.terminal import printable, put
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.workspace import ModelFiles, add_model, entry_text, read_hub_model, read_model_folder

_HUB = "hf://"
_BY_HAND = "Write the entry by hand; docs/capacity.md shows its keys."


@click.command("import-model")
@click.argument("source", metavar="FOLDER|hf://OWNER/NAME")
@click.option("--name", metavar="NAME", help="Name of the model; the folder's or the Hub's otherwise.")
@click.option("--revision", metavar="REV", help="Commit, tag or branch on the Hub.  [default: the default branch]")
@click.option("--into", type=click.Path(path_type=Path), metavar="DIR", help="Catalogue folder; its models.yaml grows.")
def import_model(source: str, name: str | None, revision: str | None, into: Path | None) -> None:
    """Make a catalogue entry of a model's config.json and the headers of its safetensors files.

    Prints it, or adds it to the models.yaml of a folder that `--catalogue` or the setting `catalogues` names. Weights
    are not read.
    """
    if revision and not source.startswith(_HUB):
        raise click.UsageError("--revision needs a SOURCE on the Hub")
    files = _files(source, revision)
    called = name or (source.removeprefix(_HUB) if source.startswith(_HUB) else Path(source).resolve().name)
    entry = entry_from_config(files.config, source=files.source)
    if isinstance(entry, str):
        raise ConfigurationError(f"{source}: {entry}", remedy=_BY_HAND)
    entry = with_weights(entry, files.weight_bytes, files.elements)
    shape = from_entry(entry)
    wrong = [shape] if isinstance(shape, str) else problems("models", {"models": {called: entry}})
    if wrong:
        raise ConfigurationError(f"{source}: the figures of its config.json: {wrong[0]}", remedy=_BY_HAND)
    if into is None:
        put(f"models:\n{entry_text(called, entry)}")
        return
    file = add_model(into, called, entry)
    click.echo(f"{printable(str(file))}: {printable(called)} added")


def _files(source: str, revision: str | None) -> ModelFiles:
    if source.startswith(_HUB):
        return read_hub_model(source.removeprefix(_HUB), revision)
    try:
        if Path(source).is_dir():
            return read_model_folder(Path(source))
    except OSError as error:  # a name too long, a folder above that cannot be entered
        raise ConfigurationError(f"{source}: {error.strerror}") from error
    raise ConfigurationError(f"{source}: no such folder", remedy="A model of the Hub is written hf://OWNER/NAME.")
