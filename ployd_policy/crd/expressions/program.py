"""One rule, compiled once, evaluated many times, within a budget. The only module that calls the CEL library.

The library has no limits of its own, so: a rule has at most 1,000 words and 50 levels of brackets; every step of a
macro costs one tick; the ticks of one evaluation are as many as keep the memory it may use within `LARGEST_WORK`
characters, at most `MOST_TICKS`; and what could grow beyond that anyhow is not started.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import cached_property
from typing import Any

from ployd_policy.crd.expressions import library as cel
from ployd_policy.crd.expressions import list_functions, objects, text_functions
from ployd_policy.crd.expressions.outcome import CelError, UndecidableError
from ployd_policy.crd.expressions.source import PREFIX, Rewritten, rewrite

FUNCTIONS: dict[str, Callable[..., Any]] = {**text_functions.FUNCTIONS, **list_functions.FUNCTIONS, **objects.FUNCTIONS}
MOST_TICKS = 100_000
COST_OF_GROWING = 10
"""Ticks of a step that makes a list longer: the library copies the list each time."""
LEAST_TICKS = 100
LARGEST_WORK = 200_000_000
_CALL_FAILED = re.compile(
    r"Python function call failed: (CelError|UndecidableError): (.*)\. Check function arguments", re.DOTALL
)

# The library logs every function that raises; a rule that fails on an object is a finding, not a log line.
logging.getLogger("cel").setLevel(logging.CRITICAL + 1)


class Rule:
    """A compiled CEL expression."""

    def __init__(self, text: str, *, dynamic: bool = False, lenient: bool = False) -> None:
        """Compile. `dynamic`: values whose type the schema leaves open (int-or-string) are in reach.

        Raises:
            UndecidableError: the library cannot run it.
        """
        self.rewritten: Rewritten = rewrite(text, frozenset(FUNCTIONS), lenient=lenient)
        self._source = text
        self._dynamic = dynamic
        self._functions = {PREFIX + name.replace(".", "_"): FUNCTIONS[name] for name in self.rewritten.functions}
        try:
            self._program = cel.compile(self.rewritten.text)
        except ValueError as problem:
            first = str(problem).splitlines()[0] if str(problem) else ""
            raise UndecidableError(f"it cannot be parsed here ({first[:120]})") from None

    @cached_property
    def lenient(self) -> Rule:
        """The same rule for objects with values that cannot be read: it fails where it asks for them, or reads them.

        Raises:
            UndecidableError: the library cannot run it.
        """
        return Rule(self._source, dynamic=True, lenient=True)

    def evaluate(self, variables: dict[str, Any], size: int) -> Any:
        """The value of the expression. `size`: how many characters of JSON the variables have, about.

        Raises:
            CelError: the expression fails on these values.
            UndecidableError: it cannot be evaluated here, or not within the budget.
        """
        budget = left = self._budget(size)

        def tick(cost: int = 1) -> bool:
            nonlocal left
            left -= cost
            return left >= 0

        ticks: dict[str, Callable[..., Any]] = {}
        if self.rewritten.depth:
            ticks = {"k_tick": tick, "k_stop": lambda: not tick(), "k_grow": lambda: tick(COST_OF_GROWING)}
        try:
            result = self._program.execute(cel.Context(variables, {**self._functions, **ticks}))
        except Exception as problem:  # noqa: BLE001 - the library raises many kinds; all are outcomes, none a traceback
            if left < 0:
                raise UndecidableError(f"it was stopped after {budget} steps") from None
            if self._dynamic and isinstance(problem, TypeError) and str(problem).startswith("No such overload"):
                raise CelError("no such overload") from None
            raise _outcome(problem) from None
        if left < 0:
            raise UndecidableError(f"it was stopped after {budget} steps")
        return result

    def _budget(self, size: int) -> int:
        if not self.rewritten.depth and not self.rewritten.growing:
            return MOST_TICKS
        growth = (1 + self.rewritten.growing) ** (1 + self.rewritten.depth)
        work = max(1, size) * growth
        if work > LARGEST_WORK:
            raise UndecidableError("it could build values too large to be evaluated here")
        return max(LEAST_TICKS, min(MOST_TICKS, int(LARGEST_WORK // work)))


def _outcome(problem: Exception) -> CelError | UndecidableError:
    """What an exception of the library means."""
    text = str(problem)
    if isinstance(problem, KeyError):
        return CelError(f"no such key: {problem.args[0] if problem.args else ''}")
    if isinstance(problem, IndexError):
        return CelError(text)
    if isinstance(problem, ZeroDivisionError):
        return CelError("division by zero")
    if isinstance(problem, OverflowError):
        return CelError("integer overflow")
    if "optional.none() dereference" in text:
        return CelError("optional.none() dereference")
    raised = _CALL_FAILED.search(text)
    if raised is not None:
        return (CelError if raised[1] == "CelError" else UndecidableError)(raised[2])
    return UndecidableError(
        f"it cannot be evaluated here ({text.splitlines()[0][:120] if text else type(problem).__name__})"
    )
