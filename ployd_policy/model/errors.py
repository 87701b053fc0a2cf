"""Errors about us: a bad setting, a bundle that does not load, an engine that cannot decide.

Each door translates them (the command line into exit codes 2 and 3, the webhook into a denial with code 500). They
never become findings, and no finding travels as an exception.
"""

from __future__ import annotations


class PloydPolicyError(Exception):
    """Base of everything this package raises on purpose.

    `message` says what happened, with the place (file:line) where there is one; `remedy` says what to do.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class ConfigurationError(PloydPolicyError):
    """The caller asked for something that cannot be: unknown option value, unknown key, missing path. Exit code 2."""


class SchemaLoadError(ConfigurationError):
    """A CRD or schema file that is not usable. Exit code 2."""


class BundleError(ConfigurationError):
    """Policies or their data that do not load, or use what is refused. Exit code 2."""


class EvaluationError(PloydPolicyError):
    """The rules ran and gave no usable answer: undefined head, time limit, unknown row. Never an allow. Exit code 3."""


class ToolError(PloydPolicyError):
    """A program or service we called failed or is missing. Exit code 3."""
