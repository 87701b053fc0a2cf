"""Render what is not YAML yet: Kustomize overlays through `kubectl kustomize`, Helm charts through `helm template`."""

from __future__ import annotations

from pathlib import Path

from ployd_policy import process
from ployd_policy.model.errors import ConfigurationError, ToolError
from ployd_policy.model.source import SourceFile

_TIMEOUT_S = 120.0


def kustomize_build(folder: Path, *, path: str) -> SourceFile:
    """What `kubectl kustomize FOLDER` prints.

    Args:
        folder: holds a kustomization.
        path: the folder's path from the root of the repository, by which its environment is found.

    Raises:
        ToolError: kubectl is missing.
        ConfigurationError: the overlay does not build.

    """
    return _rendered(("kubectl", "kustomize", str(folder)), f"{folder} (kubectl kustomize)", path)


def helm_template(chart: Path, *, path: str, values: tuple[Path, ...] = ()) -> SourceFile:
    """What `helm template` prints for the chart, with the chart's folder as the release's name.

    Raises:
        ToolError: helm is missing.
        ConfigurationError: the chart does not render.

    """
    options = tuple(option for file in values for option in ("--values", str(file)))
    return _rendered(("helm", "template", chart.resolve().name, str(chart), *options), f"{chart} (helm template)", path)


def _rendered(argv: tuple[str, ...], name: str, path: str) -> SourceFile:
    if process.find(argv[0]) is None:
        raise ToolError(
            f"{argv[0]} is not installed, and {name} needs it", remedy=f"Install {argv[0]} and put it on PATH."
        )
    result = process.run(argv, timeout_s=_TIMEOUT_S)
    if result.exit_code != 0:
        raise ConfigurationError(f"{' '.join(argv[:2])} refuses {argv[-1]}: {result.complaint()}")
    return SourceFile(file=name, path=f"{path}/rendered.yaml".removeprefix("./"), data=result.stdout)
