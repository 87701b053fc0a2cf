"""Values -> YAML text for people: keys in the order they come, equal parts written out each time."""

from __future__ import annotations

from typing import Any

import yaml

_WIDTH = 1000
"""Characters; a line of a report stands for one value."""


def to_yaml(value: Any) -> str:
    """The value as YAML, without anchors."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=_WIDTH)


class _Dumper(yaml.CSafeDumper):
    """Without anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        """Always."""
        del data
        return True
