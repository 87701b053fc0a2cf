"""How a report shall look, decided by the caller. Nothing here asks the terminal or the environment."""

from __future__ import annotations

from dataclasses import dataclass

from ployd_policy.model.finding import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOptions:
    """What a caller may choose. Formats that have no use for a choice pass over it."""

    color: bool = False
    """ANSI colours; text only."""
    verbose: bool = False
    """List every skipped thing and every check that was not made, instead of counting them; text only."""
    fail_on: Severity = Severity.ERROR
    """The mildest finding that makes the run fail. It changes the verdict sentence and no finding."""
