"""Rules in this process: the embedded engine (regorus), compiled once, asked from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from ployd_policy import _native
from ployd_policy.evaluators.arrangement import ENTRYPOINT, GENERATED, alone, arrange
from ployd_policy.evaluators.report import complete_report, rules_for, silent_report
from ployd_policy.model.errors import EvaluationError
from ployd_policy.model.resource import JsonObject
from ployd_policy.ports import SharedInventory
from ployd_policy.rego import PolicyBundle, bundle_data

_INVENTORY_BYTES = 1 << 30
"""A whole fleet; one document has the engine's own bound, 16 MiB."""


_FEW = 3
"""Rules that are asked one by one where the same are compiled among others."""


class NativeEvaluator:
    """A `RuleEvaluator` without a server. It compiles the rules of a kind when the first object of the kind comes."""

    def __init__(
        self,
        bundle: PolicyBundle,
        *,
        time_limit_s: float = 10.0,
        coverage: bool = False,
        on_print: Callable[[str], None] = lambda _line: None,
    ) -> None:
        """Take a bundle over.

        Args:
            bundle: the policies.
            time_limit_s: seconds of wall clock for one object.
            coverage: count which lines of the policies run; slower.
            on_print: gets what policies `print`, a line at a time.

        """
        self._bundle = bundle
        self._silent = silent_report(bundle)
        self._data = bundle_data(bundle)
        self._time_limit_s = time_limit_s
        self._coverage = coverage
        self._on_print = on_print
        self._lock = threading.Lock()
        self._policies: dict[tuple[str, ...], _native.Policy] = {}
        self._inventory: tuple[str, _native.Prepared] | None = None

    def evaluate(
        self, document: JsonObject, inventory: SharedInventory | None, rules: tuple[str, ...] | None = None
    ) -> JsonObject:
        """See `RuleEvaluator.evaluate`."""
        asked = rules_for(self._bundle, document) if rules is None else rules
        wider = self._wider(asked)
        try:
            prepared = self._prepared(inventory)
            if wider is None:
                answer = self._ask(self._policy(asked), document, prepared)
            else:
                policy, known = wider
                answer = {rule: self._ask(policy, document, prepared, alone(known.index(rule))) for rule in asked}
        except (_native.InputError, _native.RunError) as error:
            raise _evaluation_error(error) from None
        return complete_report(self._silent, asked, answer)

    def _ask(
        self, policy: _native.Policy, document: JsonObject, prepared: _native.Prepared | None, rule: str | None = None
    ) -> Any:
        answer, prints = policy.evaluate(document, prepared, rule=rule, time_limit_s=self._time_limit_s)
        for line in prints:
            self._on_print(line)
        return answer

    def _wider(self, rules: tuple[str, ...]) -> tuple[_native.Policy, tuple[str, ...]] | None:
        """Where few rules are asked: what is compiled for these and others. Compiling costs far more than asking."""
        with self._lock:
            if len(rules) > _FEW or rules in self._policies:
                return None
            return next(((policy, known) for known, policy in self._policies.items() if {*rules} <= {*known}), None)

    def covered_lines(self) -> Mapping[str, tuple[frozenset[int], frozenset[int]]]:
        """Path of a policy -> its lines that ran, and those that could have and did not. Needs `coverage`.

        A file of which nothing was asked is absent.
        """
        lengths = {module.path: module.text.count("\n") + 1 for module in self._bundle.modules}
        ran: dict[str, set[int]] = {}
        code: dict[str, set[int]] = {}
        for policy in list(self._policies.values()):
            for path, (covered, missed) in policy.covered_lines().items():
                if path != GENERATED:
                    # What was appended to a file is not its author's.
                    ran.setdefault(path, set()).update(line for line in covered if line <= lengths[path])
                    code.setdefault(path, set()).update(line for line in (*covered, *missed) if line <= lengths[path])
        return {path: (frozenset(lines), frozenset(code[path] - lines)) for path, lines in ran.items()}

    def _policy(self, rules: tuple[str, ...]) -> _native.Policy:
        with self._lock:
            if rules not in self._policies:
                self._policies[rules] = _native.Policy(
                    arrange(self._bundle, rules), self._data, ENTRYPOINT, coverage=self._coverage
                )
            return self._policies[rules]

    def _prepared(self, inventory: SharedInventory | None) -> _native.Prepared | None:
        if inventory is None:
            return None
        with self._lock:
            if self._inventory is None or self._inventory[0] != inventory.digest:
                prepared = _native.prepare(inventory.value, max_bytes=_INVENTORY_BYTES)
                self._inventory = (inventory.digest, prepared)
            prepared = self._inventory[1]
        return prepared if inventory.own is None else prepared.with_value(*inventory.own)


def _evaluation_error(error: Exception) -> EvaluationError:
    message, path, line, column = error.args
    return EvaluationError(f"{path}:{line}:{column}: {message}" if path is not None else message)
