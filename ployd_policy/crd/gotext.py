"""Values and paths as the API server prints them. Text only: nothing here judges."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

from ployd_policy.model.location import FieldPath

LONGEST_SHOWN = 200
"""Characters of a user's value that a message repeats.

The rest is cut, because nobody reads a certificate in an error.
"""

GO_TYPES: dict[type, str] = {
    str: "string",
    bool: "bool",
    int: "int64",
    float: "float64",
    list: "[]interface {}",
    dict: "map[string]interface {}",
}
"""What Go calls the values of decoded JSON."""


def quote(text: str) -> str:
    """A string as Go's %q prints it: double quotes, control characters escaped."""
    cut = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
    return json.dumps(cut, ensure_ascii=False).replace("\x7f", "\\x7f")


def number(value: float) -> str:
    """A number as Go's %v prints it: `5`, `0.5`, `1e+21`."""
    if isinstance(value, int):
        return str(value)
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if math.isnan(value):
        return "NaN"
    shortest = Decimal(repr(value))
    exponent = shortest.adjusted()
    if value != 0 and (exponent < -4 or exponent >= 21):  # noqa: PLR2004 - Go's %v switches notation here
        digits = "".join(str(digit) for digit in shortest.as_tuple().digits).rstrip("0") or "0"
        mantissa = digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
        return f"{'-' if value < 0 else ''}{mantissa}e{'+' if exponent >= 0 else '-'}{abs(exponent):02d}"
    text = f"{shortest:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def shown(value: Any) -> str:
    """A user's value inside an error: strings quoted, numbers plain, anything else as JSON, cut when long."""
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return number(value)
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def dotted(path: FieldPath) -> str:
    """A path inside an `... in body ...` text: `spec.models[0].weight`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text
