"""A call of the SDK as a value: to be shown, compared, and executed by whoever may. It executes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_INDENT = "    "
_WIDTH = 88


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`component().method(**arguments)`, in the order the arguments are written."""

    component: str
    method: str
    arguments: Mapping[str, Any]
    result: str = ""
    """What a person would name the result; empty: it is not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A resource as calls, with what no call takes."""

    calls: tuple[Call, ...]
    placed: tuple[str, ...]
    """Fields that no argument carries, because placing the server consumes them: `spec.resources.gpu.type`."""


def as_python(translation: Translation) -> str:
    """The calls as a program, in the platform's own style."""
    components = list(dict.fromkeys(call.component for call in translation.calls))
    lines = [f"from ployd import {', '.join(components)}", ""]
    lines += [f"{_variable(component)} = {component}()" for component in components]
    for call in translation.calls:
        kept = f"{call.result} = " if call.result else ""
        lines += ["", f"{kept}await {_variable(call.component)}.{call.method}("]
        arguments = [f"{_INDENT}{name}={_literal(value, 1)}" for name, value in call.arguments.items()]
        lines += [",\n".join(arguments), ")"]
    if translation.placed:
        lines += ["", "# Consumed where the server is placed, by no argument:"]
        lines += [f"#   {path}" for path in translation.placed]
    return "\n".join(lines) + "\n"


def as_json(translation: Translation) -> str:
    """The same as JSON."""
    calls = [
        {"component": call.component, "method": call.method, "arguments": call.arguments} for call in translation.calls
    ]
    return json.dumps({"calls": calls, "placed": list(translation.placed)}, indent=2) + "\n"


def _variable(component: str) -> str:
    """`AIGateway` -> `ai_gateway`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", component).lower()


def _literal(value: Any, depth: int) -> str:
    """Python for a JSON value; mappings a member a line, lists in one line where they fit."""
    if isinstance(value, Mapping):
        if not value:
            return "{}"
        members = ",\n".join(
            f"{_INDENT * (depth + 1)}{_scalar(key)}: {_literal(item, depth + 1)}" for key, item in value.items()
        )
        return f"{{\n{members}\n{_INDENT * depth}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        flat = f"[{', '.join(_literal(item, depth + 1) for item in value)}]"
        if "\n" not in flat and len(flat) <= _WIDTH:
            return flat
        items = ",\n".join(f"{_INDENT * (depth + 1)}{_literal(item, depth + 1)}" for item in value)
        return f"[\n{items}\n{_INDENT * depth}]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
