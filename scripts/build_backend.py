"""The build backend: setuptools', after a look whether the machine can build the native module at all.

Without it, a machine without cargo gets a wall of output from the middle of a build.
"""

import shutil

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403  a backend is its functions

_MESSAGE = """
ployd-policy builds its policy evaluator from Rust, and cargo is not on PATH.
    Install Rust from https://rustup.rs, or Debian 13 and newer: apt-get install cargo
Then run the same command again."""


def _require_cargo() -> None:
    if shutil.which("cargo") is None:
        raise SystemExit(_MESSAGE)


def get_requires_for_build_wheel(config_settings: dict[str, str] | None = None) -> list[str]:
    """What to install before a wheel can be built; the first thing pip asks."""
    _require_cargo()
    return build_meta.get_requires_for_build_wheel(config_settings)


def get_requires_for_build_editable(config_settings: dict[str, str] | None = None) -> list[str]:
    """The same for an editable install."""
    _require_cargo()
    return build_meta.get_requires_for_build_editable(config_settings)
