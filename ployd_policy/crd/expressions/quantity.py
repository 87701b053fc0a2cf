"""Kubernetes quantities, exact: k8s.io/apimachinery/pkg/api/resource. `100m`, `1.5Gi`, `2e3`."""

from __future__ import annotations

import math
import re
from fractions import Fraction

_QUANTITY = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?(?P<suffix>[numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?",
    re.ASCII,
)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
LONGEST = 256
LARGEST_EXPONENT = 400
LARGEST = 2**63 - 1
_NANO = 10**9


def parse_quantity(text: str) -> Fraction | None:
    """The exact amount, rounded away from zero to a billionth; None where Kubernetes refuses the text."""
    match = _QUANTITY.fullmatch(text)
    if match is None or len(text) > LONGEST or not (match["whole"] or match["part"]):
        return None
    suffix = match["suffix"] or ""
    part = match["part"] or ""
    amount = Fraction(int((match["whole"] or "0") + part), 10 ** len(part))
    if suffix in _BINARY:
        amount = min(amount * 2 ** _BINARY[suffix], Fraction(LARGEST))
    elif suffix in _DECIMAL:
        amount *= Fraction(10) ** _DECIMAL[suffix]
    else:
        exponent = int(suffix[1:])
        if abs(exponent) > LARGEST_EXPONENT:
            return None
        amount *= Fraction(10) ** exponent
    rounded = Fraction(math.ceil(amount * _NANO), _NANO)
    return -rounded if match["sign"] == "-" else rounded


def as_integer(amount: Fraction) -> int | None:
    """The amount where it is a whole number of 64 bits."""
    whole = amount.denominator == 1 and -LARGEST - 1 <= amount.numerator <= LARGEST
    return amount.numerator if whole else None
