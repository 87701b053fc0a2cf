"""Quantities with a spread: at best, as expected, at worst. Arithmetic only; no units are known here."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A quantity with its spread. `optimistic` is the end that helps a launch to fit."""

    optimistic: float
    expected: float
    pessimistic: float

    def plus(self, other: "Interval") -> "Interval":
        """Sum, end by end."""
        return Interval(
            optimistic=self.optimistic + other.optimistic,
            expected=self.expected + other.expected,
            pessimistic=self.pessimistic + other.pessimistic,
        )

    def minus(self, other: "Interval") -> "Interval":
        """Difference of what there is (self) and what is needed (other), end by end: optimistic less optimistic."""
        return self.plus(other.times(-1))

    def times(self, factor: float) -> "Interval":
        """Each end times a number."""
        return Interval(
            optimistic=self.optimistic * factor,
            expected=self.expected * factor,
            pessimistic=self.pessimistic * factor,
        )

    def at_least(self, floor: float) -> "Interval":
        """No end below `floor`."""
        return Interval(
            optimistic=max(floor, self.optimistic),
            expected=max(floor, self.expected),
            pessimistic=max(floor, self.pessimistic),
        )

    def to_json(self) -> dict[str, float]:
        """The three ends, rounded to four places, as JSON wants them."""
        return {
            "optimistic": round(self.optimistic, 4),
            "expected": round(self.expected, 4),
            "pessimistic": round(self.pessimistic, 4),
        }


def independent(parts: Sequence[Interval]) -> Interval:
    """Sum of parts, of which `optimistic` is the larger end, that do not all come out at their ends at once.

    Expected values add; distances of the ends from them add as the root of the sum of squares.
    """
    middle = math.fsum(part.expected for part in parts)
    return Interval(
        optimistic=middle + math.hypot(*(part.optimistic - part.expected for part in parts)),
        expected=middle,
        pessimistic=middle - math.hypot(*(part.expected - part.pessimistic for part in parts)),
    )


def exactly(value: float) -> Interval:
    """A quantity without spread."""
    return Interval(optimistic=value, expected=value, pessimistic=value)


def spread(ends: tuple[float, float, float]) -> Interval:
    """Optimistic, expected, pessimistic, in this order, as data files write them."""
    optimistic, expected, pessimistic = ends
    return Interval(optimistic=optimistic, expected=expected, pessimistic=pessimistic)
