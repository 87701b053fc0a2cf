"""What can come of a rule besides true and false. Values and errors only."""

from __future__ import annotations


class CelError(Exception):
    """The rule fails on this object as it would at the API server.

    A missing key, a bad quantity, a division by zero.
    """


class UndecidableError(Exception):
    """The rule cannot be evaluated here, although the API server could: say so, never guess."""
