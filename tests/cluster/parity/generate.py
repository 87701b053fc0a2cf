"""Objects from the schema of a definition: mostly as it wants them, some changed in one place or in several.

Where a schema has CEL rules, no generator knows what they want; there, parts of existing objects are used as well.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

WORDS = ["a", "b", "ab", "model", "x-y", "Upper", "a.b", "é", "10", "true"]
SOME_TEXT = {
    "date-time": ["2024-02-29T12:00:00Z", "2024-01-01T00:00:00.5+02:00"],
    "date": ["2024-02-29"],
    "uri": ["https://example.com/a"],
    "hostname": ["example.com"],
    "duration": ["1h"],
    "ipv4": ["10.0.0.1"],
}
OTHERS: list[Any] = [None, 0, -1, 1.5, 1.0, 2**31, 2**63, True, "", "x", "1", [], [1], {}, {"a": 1}, "A" * 300]
STRANGE_NAMES = ["unheardOf", "spec", "a.b", "Name"]


class Generator:
    """Objects of one definition's first version."""

    def __init__(self, definition: Json, examples: Iterable[Json]) -> None:
        spec = definition["spec"]
        self._head = {
            "apiVersion": f"{spec['group']}/{spec['versions'][0]['name']}",
            "kind": spec["names"]["kind"],
            "metadata": {"name": "generated", "labels": {"app": "a"}},
        }
        schema = spec["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        self._made: dict[int, st.SearchStrategy[Any]] = {}
        self._parts: dict[int, list[Any]] = {}
        for each in examples:
            if each["kind"] == self._head["kind"]:
                self._learn(schema, each.get("spec"))
        self._specs = self._valid(schema)

    def objects(self) -> st.SearchStrategy[Json]:
        """An object, every other time with mistakes."""
        return _objects(self._head, self._specs)

    def updates(self, *, wrong: bool = False) -> st.SearchStrategy[tuple[Json, Json]]:
        """An object as the schema wants it, and what somebody makes of it. `wrong`: the first has mistakes already."""
        return _updates(self._head, self._specs, wrong=wrong)

    def _learn(self, schema: Json, value: Any) -> None:
        """Note what stands in an example where the schema has rules."""
        if schema.get("x-kubernetes-validations"):
            self._parts.setdefault(id(schema), []).append(value)
        if isinstance(value, dict):
            for key, member in schema.get("properties", {}).items():
                if key in value:
                    self._learn(member, value[key])
        elif isinstance(value, list) and "items" in schema:
            for item in value:
                self._learn(schema["items"], item)

    def _valid(self, schema: Json) -> st.SearchStrategy[Any]:
        """Values with the shape of the schema; its CEL rules they may break."""
        if id(schema) not in self._made:
            anew, known = self._make(schema), st.sampled_from(self._parts.get(id(schema)) or [None])
            seldom = st.integers(0, 7).flatmap(lambda dice: known if dice else anew)
            self._made[id(schema)] = seldom if id(schema) in self._parts else anew
        return self._made[id(schema)]

    def _make(self, schema: Json) -> st.SearchStrategy[Any]:
        if schema.get("enum"):
            return st.sampled_from(schema["enum"])
        if schema.get("x-kubernetes-int-or-string"):
            return st.one_of(st.integers(1, 10), _texts(schema) if "pattern" in schema else st.just("10%"))
        makers = {"string": _texts, "integer": _integers, "number": _numbers, "array": self._list, "object": self._map}
        make = makers.get(schema.get("type", ""))
        return st.booleans() if make is None else make(schema)

    def _list(self, schema: Json) -> st.SearchStrategy[list[Any]]:
        low = schema.get("minItems", 0)
        high = max(low, min(schema.get("maxItems", 3), low + 2))
        kind, keys = schema.get("x-kubernetes-list-type", ""), schema.get("x-kubernetes-list-map-keys", ())
        unique = {"set": repr, "map": lambda item: repr([item.get(key) for key in keys])}.get(kind)
        return st.lists(self._valid(schema["items"]), min_size=low, max_size=high, unique_by=unique)

    def _map(self, schema: Json) -> st.SearchStrategy[Json]:
        others = schema.get("additionalProperties")
        if isinstance(others, dict):
            keys = st.sampled_from(["app", "example.com/a", "zone", "A_B"])
            return st.dictionaries(keys, self._valid(others), min_size=schema.get("minProperties", 0), max_size=2)
        members = {key: self._valid(member) for key, member in schema.get("properties", {}).items()}
        needed = {key: members.pop(key) for key in schema.get("required", ()) if key in members}
        if not members:
            return st.fixed_dictionaries(needed)
        some = st.lists(st.sampled_from(sorted(members)), max_size=min(4, len(members)), unique=True)
        return some.flatmap(lambda names: st.fixed_dictionaries({**needed, **{name: members[name] for name in names}}))


@st.composite
def _objects(draw: st.DrawFn, head: Json, specs: st.SearchStrategy[Any]) -> Json:
    return {**head, "spec": _changed(draw, draw(specs), draw(st.sampled_from([0, 0, 0, 1, 2, 3])))}


@st.composite
def _updates(draw: st.DrawFn, head: Json, specs: st.SearchStrategy[Any], *, wrong: bool) -> tuple[Json, Json]:
    old = _changed(draw, draw(specs), draw(st.integers(1, 2)) if wrong else 0)
    new = _mixed(draw, old, draw(specs)) if not wrong or draw(st.integers(0, 2)) == 0 else old
    new = _changed(draw, new, draw(st.sampled_from([0, 0, 0, 1] if wrong else [0, 1, 1, 2, 2, 3])))
    return {**head, "spec": old}, {**head, "spec": new}


def _texts(schema: Json) -> st.SearchStrategy[str]:
    shortest, longest = schema.get("minLength", 0), min(schema.get("maxLength", 20), 40)
    if schema.get("format") in SOME_TEXT:
        return st.sampled_from(SOME_TEXT[schema["format"]])
    if "pattern" in schema:
        matching = st.from_regex(schema["pattern"], fullmatch=True, alphabet=st.characters(max_codepoint=126))
        return matching.filter(lambda text: shortest <= len(text) <= longest)
    return st.sampled_from(WORDS).map(lambda word: word.ljust(shortest, "a")[:longest])


def _integers(schema: Json) -> st.SearchStrategy[int]:
    low, high = int(schema.get("minimum", 0)), int(schema.get("maximum", 64))
    step = schema.get("multipleOf", 1)
    lowest, highest = -(-low // step), high // step
    within = st.integers(lowest, max(lowest, min(highest, lowest + 200)))
    # A mistake made to one of the ends goes beyond it.
    return st.one_of(within, st.sampled_from([lowest, highest])).map(lambda number: number * step)


def _numbers(schema: Json) -> st.SearchStrategy[float]:
    low, high = schema.get("minimum", 0), schema.get("maximum", 4)
    exclusive = (low,) if schema.get("exclusiveMinimum") else ()
    choices = [value for value in (low, high, (low + high) / 2, low + (high - low) / 4) if value not in exclusive]
    return st.sampled_from(choices)


def _mixed(draw: st.DrawFn, one: Any, other: Any) -> Any:
    """Some fields of one, some of the other."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return other if draw(st.integers(0, 3)) == 0 else one
    out = {}
    for key in [*one, *(key for key in other if key not in one)]:
        if key in one and key in other:
            out[key] = _mixed(draw, one[key], other[key])
        elif key in one or draw(st.integers(0, 3)) == 0:
            out[key] = one.get(key, other.get(key))
    return out


def _changed(draw: st.DrawFn, spec: Any, times: int) -> Any:
    """The same with some places changed as people and programs do it by mistake."""
    for _ in range(times):
        spec = _changed_at(draw, spec, draw(st.sampled_from(list(_places(spec, ())))))
    return spec


def _places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from _places(member, (*path, key))


def _changed_at(draw: st.DrawFn, value: Any, path: tuple[Any, ...]) -> Any:
    """A copy in which one place is changed."""
    if path:
        copy = list(value) if isinstance(value, list) else dict(value)
        if len(path) == 1 and draw(st.integers(0, 3)) == 0:
            del copy[path[0]]
        else:
            copy[path[0]] = _changed_at(draw, copy[path[0]], path[1:])
        return copy
    options = [st.sampled_from(OTHERS)]
    if isinstance(value, dict):
        named = st.tuples(st.sampled_from(STRANGE_NAMES), st.sampled_from(OTHERS))
        options = [named.map(lambda pair: {**value, pair[0]: pair[1]})]
    elif isinstance(value, list) and value:
        options = [st.just([*value, value[0]]), st.permutations(value), st.just([*value, None])]
    elif isinstance(value, bool):
        options.append(st.just(not value))
    elif isinstance(value, (int, float)):
        options += [st.just(value + 1), st.just(-value - 1), st.just(float(value)), st.just(str(value))]
    elif isinstance(value, str):
        options += [st.just(value + " "), st.just(value.upper()), st.just(value * 2), st.just(value[:-1])]
    return draw(st.one_of(options))
