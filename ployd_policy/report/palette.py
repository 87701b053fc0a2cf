"""The few colours of the text format. Off means not one escape sequence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ployd_policy.model.finding import Severity


class Style(StrEnum):
    """What a piece of text is, as the SGR parameters that show it."""

    ERROR = "1;31"
    WARNING = "1;33"
    GOOD = "1;32"
    STRONG = "1"
    FRAME = "1;34"
    FAINT = "2"

    @classmethod
    def of(cls, severity: Severity) -> Style:
        """The style of a finding's severity."""
        return cls.ERROR if severity is Severity.ERROR else cls.WARNING


@dataclass(frozen=True, slots=True)
class Palette:
    """Paints, or does not."""

    color: bool

    def paint(self, style: Style, text: str) -> str:
        """`text`, which is visible already, in `style`."""
        return f"\x1b[{style}m{text}\x1b[0m" if self.color and text else text
