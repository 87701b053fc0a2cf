"""Did you mean: what an author who wrote an unknown field probably wanted. Runs only where something is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ployd_policy.crd.schema import Schema
from ployd_policy.model.location import FieldPath, format_path

LARGEST_CHOICE = 12
"""As many field names a message lists."""
META = ("apiVersion", "kind", "metadata")


def remedy_for_unknown(root: Schema, path: FieldPath) -> str:
    """What to do about the unknown field at `path`."""
    parent, name = path[:-1], str(path[-1])
    node = _node_at(root, parent)
    siblings = _names(node) if node is not None else ()
    if not parent or (node is not None and node.embedded):
        siblings = (*META, *(each for each in siblings if each not in META))
    close = nearest(name, siblings)
    if close:
        return f'Did you mean "{close}"?'
    elsewhere = _elsewhere(root, name, parent)
    if elsewhere is not None:
        where = format_path(elsewhere) or "the top level"
        return f'"{name}" belongs under {where}.'
    if not siblings:
        return f'Remove "{name}": {format_path(parent) or "this"} takes no fields.'
    if len(siblings) <= LARGEST_CHOICE:
        return f'Remove "{name}"; known here: {", ".join(siblings)}.'
    return f'Remove "{name}": no such field is known here.'


def nearest(name: str, known: tuple[str, ...]) -> str | None:
    """The known name that `name` is most likely a slip of; None where nothing is near."""
    plain = {each.replace("_", "").replace("-", "").lower(): each for each in reversed(known)}
    folded = name.replace("_", "").replace("-", "").lower()
    if folded in plain:
        return plain[folded]
    found = difflib.get_close_matches(folded, plain, n=1, cutoff=0.75)
    return plain[found[0]] if found else None


def _names(schema: Schema) -> tuple[str, ...]:
    return tuple(schema.properties)


def _node_at(root: Schema, path: FieldPath) -> Schema | None:
    node: Schema | None = root
    for step in path:
        if node is None:
            return None
        if isinstance(step, int):
            node = node.items
        else:
            node = node.properties.get(step, node.additional if isinstance(node.additional, Schema) else None)
    return node


def _elsewhere(root: Schema, name: str, parent: FieldPath) -> FieldPath | None:
    """The object that takes a field of this name and lies nearest to `parent`.

    None where none or several lie equally near.
    """
    found = [path for path in _holders(root, name, ()) if path != parent]
    if not found:
        return None

    def distance(path: FieldPath) -> int:
        shared = 0
        for one, other in zip(path, parent, strict=False):
            if one != other:
                break
            shared += 1
        return len(path) + len(parent) - 2 * shared

    found.sort(key=lambda path: (distance(path), len(path), path))
    if len(found) > 1 and distance(found[0]) == distance(found[1]):
        return None
    return found[0]


def _holders(schema: Schema, name: str, path: FieldPath) -> Iterator[FieldPath]:
    """Paths of the objects, not inside lists or maps, that have a property of this name.

    `status` is the controllers' part.
    """
    if name in schema.properties:
        yield path
    for key, member in schema.properties.items():
        if path or key not in ("status", "metadata"):
            yield from _holders(member, name, (*path, key))
