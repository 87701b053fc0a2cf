"""Go's time.ParseDuration: `1h30m`, `-1.5s`, `300ms`."""

from __future__ import annotations

import re
from fractions import Fraction

_NANOSECONDS = {
    "ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9,
}  # fmt: skip
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)(?![a-zµμ])")
_LONGEST = 2**63


def parse_duration(text: str) -> int | None:
    """Nanoseconds; None where Go refuses the text or it does not fit 64 bits."""
    negative = text.startswith("-")
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    total, at = Fraction(0), 0
    while at < len(rest):
        match = _PART.match(rest, at)
        if match is None or not (match[1] or match[2]):
            return None
        unit = _NANOSECONDS[match[3]]
        if len(match[1]) > 20:  # noqa: PLR2004 - more digits than 64 bits hold
            return None
        total += int(match[1] or 0) * unit + int(
            Fraction(int(match[2][:20] or 0), 10 ** len(match[2][:20])) * unit if match[2] else 0
        )
        at = match.end()
    if at == 0 or total > (_LONGEST if negative else _LONGEST - 1):
        return None
    return -int(total) if negative else int(total)
