"""The seams: what the core needs from outside, as Protocols. Nothing here does anything.

Adapters need not import these; `tests/ports` and mypy hold them to the shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from ployd_policy.model.entry import Entry
from ployd_policy.model.resource import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedInventory:
    """The other objects, given unchanged to many evaluations.

    Apart from the input, so that an embedded evaluator can prepare it once per `digest` instead of once per object.
    """

    digest: str
    value: JsonObject
    own: tuple[tuple[str, ...], Any] | None = None
    """Keys from the root of `value`, and what stands there for this one evaluation: the object under judgement, where
    it is not among the others yet. `value` and `digest` are without it."""


class RuleEvaluator(Protocol):
    """Answers the one Rego query of a bundle.

    It exists because the engine must give the same verdict whether rules run in this process or in an OPA server.
    """

    def evaluate(
        self, document: JsonObject, inventory: SharedInventory | None, rules: tuple[str, ...] | None = None
    ) -> JsonObject:
        """`data.ployd.main.report` for `document` as input; `inventory` becomes `input.ployd.inventory`.

        `rules` are the ids whose rows are wanted, in the bundle's order; None: all that speak about the document's
        kind. The others' rows are empty. Returns the report as decoded JSON: rule id -> head ("deny", "warn") -> list
        of rows.

        Raises:
            EvaluationError: undefined report, a builtin error, the time limit. Never an empty report instead.
        """
        ...


class Trail(Protocol):
    """Keeps what was decided and done, for good."""

    def write(self, entry: Entry) -> None:
        """Add an entry; it is kept once this returns.

        Raises:
            ToolError: it could not be kept. Whoever was about to act does not.
        """
        ...
