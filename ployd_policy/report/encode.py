"""JSON text that any reader takes: ASCII only, no lone surrogates, keys in the order they were given."""

from __future__ import annotations

import json
import re
from typing import Any

_BEYOND_ASCII = re.compile("[\x7f-\U0010ffff]")
_FIRST_PAIRED = 0x10000


def to_json(value: Any) -> str:
    r"""`value` indented by two, ending in a line feed.

    The halves of bytes that were no UTF-8 (lone surrogates) become the six characters `\udc80`: JSON could escape
    them, but strict readers refuse the escape.
    """
    return _BEYOND_ASCII.sub(_escaped, json.dumps(value, ensure_ascii=False, indent=2)) + "\n"


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xD800 <= code <= 0xDFFF:  # noqa: PLR2004 - the range of surrogates
        return f"\\\\u{code:04x}"
    if code < _FIRST_PAIRED:
        return f"\\u{code:04x}"
    high, low = divmod(code - _FIRST_PAIRED, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
