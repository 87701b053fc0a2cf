"""The CEL library itself, without its command line.

The package `cel` imports a terminal interface with itself, which takes longer than a whole run of `check` over a small
repository. Only its compiled module is loaded here. Nothing is evaluated in this module.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
from types import ModuleType


def _compiled() -> ModuleType:
    package = importlib.util.find_spec("cel")
    spec = importlib.machinery.PathFinder.find_spec("cel.cel", package.submodule_search_locations if package else None)
    if spec is None or spec.loader is None:
        raise ImportError("common-expression-language has no compiled module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_cel = _compiled()
compile = _cel.compile  # noqa: A001 - the library's own name
Context = _cel.Context
OptionalValue = _cel.OptionalValue
