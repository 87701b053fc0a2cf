"""Which policy rules speak, by id or category. Values only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ployd_policy.model.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which policy rules speak. The text and the schema are always judged: without them no rule could be trusted."""

    select: tuple[str, ...] = ()
    """Rule ids or categories (`gpu`); empty: all."""
    ignore: tuple[str, ...] = ()

    def includes(self, rule: str) -> bool:
        """Whether `rule` is selected and not ignored."""
        chosen = not self.select or any(_matches(rule, name) for name in self.select)
        return chosen and not any(_matches(rule, name) for name in self.ignore)

    def require_known(self, rules: Iterable[str]) -> None:
        """Refuse names that match no rule: a typing error would otherwise switch a check off.

        Raises:
            ConfigurationError: a name matches nothing.

        """
        known = tuple(rules)
        for name in (*self.select, *self.ignore):
            if not any(_matches(rule, name) for rule in known):
                raise ConfigurationError(
                    f"no policy rule is called {name!r}", remedy="`ployd-policy rules` lists them by id and category."
                )


def _matches(rule: str, name: str) -> bool:
    return rule == name or rule.startswith(f"{name}.")
