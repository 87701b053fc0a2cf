"""The user's own `ployd` package, where it is installed beside us: found, imported, held to the interface."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path

from ployd_policy.assembly.wiring import Wired
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.sdk.ployd import PloydBackend, open_package

PACKAGE = "ployd"
AUTO, PLOYD, KUBERNETES = "auto", "ployd", "kubernetes"
"""Who makes models: whatever is there, that package, or our own backend."""


def chosen(sdk: str, wired: Wired) -> PloydBackend | None:
    """The package, where it is to be used; None: our own backend is.

    Raises:
        ConfigurationError: as `open_installed`.

    """
    uses = sdk == PLOYD or (sdk == AUTO and is_installed() and not _lies_here())
    return open_installed(wired) if uses else None


def _lies_here() -> bool:
    """Whether it is code of the folder we are in, which may be the very repository that is judged."""
    found = importlib.util.find_spec(PACKAGE)
    place = Path(found.origin).resolve() if found is not None and found.origin else Path("/")
    return place.is_relative_to(Path.cwd().resolve()) and "site-packages" not in place.parts


def is_installed() -> bool:
    """Whether there is a package of that name; a folder without code is none."""
    found = importlib.util.find_spec(PACKAGE)
    return found is not None and found.origin is not None


def open_installed(wired: Wired) -> PloydBackend:
    """The installed package.

    Raises:
        ConfigurationError: there is none, it breaks when it is imported, or lacks what is needed.

    """
    if not is_installed():
        raise ConfigurationError(
            "no package ployd is installed beside ployd-policy",
            remedy="Install it in the same environment, or deploy with --sdk kubernetes.",
        )
    try:
        package = importlib.import_module(PACKAGE)
    except (Exception, SystemExit) as error:
        raise ConfigurationError(
            f"the installed package ployd cannot be imported: {type(error).__name__}: {error}",
            remedy="Mend its installation, or deploy with --sdk kubernetes.",
        ) from error
    return open_package(package, wired.framework_defaults)
