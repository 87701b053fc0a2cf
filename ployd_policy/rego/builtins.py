"""Which functions policies may call: not clocks, chance or the network, and nothing the two engines answer differently.

The one list of refused names; the loader and OPA's capabilities both follow it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ployd_policy import _native
from ployd_policy.model.errors import BundleError
from ployd_policy.rego.module import ParsedModule

_CLOCK = "a decision is a function of object, policies and data; give the value as data"
_ENGINES = "the embedded engine and OPA answer it differently"

REFUSED_BUILTINS: Mapping[str, str] = {
    "http.send": _CLOCK,
    "net.lookup_ip_addr": _CLOCK,
    "opa.runtime": _CLOCK,
    "rand.intn": _CLOCK,
    "time.now_ns": _CLOCK,
    "uuid.rfc4122": _CLOCK,
    "rego.metadata.chain": _ENGINES,
    "rego.metadata.rule": _ENGINES,
    "trace": _ENGINES,
    # OPA's own test cases (v1.22) differ on regorus 0.14.1: error lists, order of replacement, empty search text.
    "json.match_schema": _ENGINES,
    "json.verify_schema": _ENGINES,
    "strings.count": _ENGINES,
    "strings.replace_n": _ENGINES,
}
"""Name -> why it is refused. A name also refuses everything below it, and `rand` and `rego.metadata` all of theirs."""

_REFUSED_FAMILIES = {"rand": _CLOCK, "rego.metadata": _ENGINES}

_WALK = 2
"""Arguments of `walk` with the one its results go to."""
_REFUSED_IMPORT = ["future", "keywords", "not"]

Path = tuple[str, ...]


def opa_capabilities(document: Mapping[str, Any]) -> dict[str, Any]:
    """OPA's capabilities without what is refused.

    Args:
        document: what `opa capabilities --current` prints, decoded.

    """
    allowed = [builtin for builtin in document.get("builtins", []) if refusal(builtin["name"].split(".")) is None]
    return {**document, "builtins": allowed, "allow_net": []}


def refusal(path: Sequence[str]) -> str | None:
    """Why the function with this name is refused; None where it is not."""
    for length in range(1, len(path) + 1):
        name = ".".join(path[:length])
        reason = REFUSED_BUILTINS.get(name) or _REFUSED_FAMILIES.get(name)
        if reason is not None:
            return reason
    return None


def check_references(modules: Sequence[ParsedModule], data: Mapping[str, Any]) -> None:
    """Refuse calls of refused and unknown functions, and names no module and no data has.

    Every mention counts, so a function cannot come in as a `with` target, as the value of one or through an index.

    Raises:
        BundleError: naming the place.

    """
    functions = _functions(modules)
    names = _Names(modules, data)
    known = _native.builtins()
    roots = {name.split(".")[0] for name in known}
    for parsed in modules:
        imports = _imports(parsed)
        names.check_imports(parsed)
        for path, arguments, line, column in parsed.outline.references:
            place = f"{parsed.place(line)}:{column}"
            reason = refusal(path)
            if reason is not None:
                raise BundleError(f"{place}: {'.'.join(path)} is refused: {reason}")
            if arguments is not None:
                target = _target(tuple(path), parsed.module.package, imports, functions)
                _check_call(place, path, arguments, functions.get(target), known)
            elif path[0] == "data":
                names.check(place, tuple(path[1:]))
        for name, line, column in parsed.outline.free:
            # A `with` target may be a function, which no rule has to know.
            if name not in imports and name not in roots and not names.has_rule(parsed.module.package, name):
                raise BundleError(
                    f"{parsed.place(line)}:{column}: nothing gives the variable {name} a value",
                    remedy="Correct its name, or assign it in the rule.",
                )


def _functions(modules: Iterable[ParsedModule]) -> dict[Path, set[int]]:
    """Every function of every module: its whole path -> numbers of arguments."""
    functions: dict[Path, set[int]] = {}
    for parsed in modules:
        for path, kind, arguments, _ in parsed.outline.rules:
            if kind == "function" or (kind == "default" and arguments):
                functions.setdefault((*parsed.module.package, *path), set()).add(arguments)
    return functions


def _imports(parsed: ParsedModule) -> dict[str, Path]:
    return {alias or path[-1]: tuple(path) for path, alias, _ in parsed.outline.imports}


def _target(path: Path, package: Path, imports: Mapping[str, Path], functions: Mapping[Path, set[int]]) -> Path:
    """The whole path a call means, without `data`, or the path as written for a builtin."""
    if (*package, *path) in functions:
        return (*package, *path)
    whole = (*imports[path[0]], *path[1:]) if path[0] in imports else path
    return whole[1:] if whole[0] == "data" else path


def _check_call(
    place: str, path: Sequence[str], arguments: int, own: set[int] | None, builtins: Mapping[str, int]
) -> None:
    name = ".".join(path)
    if own is None and name not in builtins:
        raise BundleError(
            f"{place}: there is no function {name}",
            remedy="Correct the name or import its package; a builtin must be one the embedded engine has.",
        )
    if name == "print" and own is None:
        return
    if own is None and name == "walk":
        # `[path, value] := walk(x)` gives nothing at all in the embedded engine, and everything in OPA.
        if arguments != _WALK:
            raise BundleError(f"{place}: walk is a relation here", remedy="Write `walk(value, [path, inner])`.")
        return
    # A call of an own function may name the result as one more argument.
    takes = {builtins[name]} if own is None else own | {count + 1 for count in own}
    if arguments not in takes:
        raise BundleError(
            f"{place}: {name} takes {min(takes)} arguments and got {arguments}",
            remedy=f"Write its result on the left: `x := {name}(...)`." if arguments == min(takes) + 1 else "",
        )


class _Names:
    """What can be found under `data`: packages with their rules, and data documents."""

    def __init__(self, modules: Sequence[ParsedModule], data: Mapping[str, Any]) -> None:
        self._data = data
        self._rules: dict[Path, set[str]] = {}
        for parsed in modules:
            rules = self._rules.setdefault(parsed.module.package, set())
            rules.update(path[0] for path, *_ in parsed.outline.rules)

    def has_rule(self, package: Path, name: str) -> bool:
        """Whether a package has a rule or function called `name`."""
        return name in self._rules.get(package, ())

    def check(self, place: str, path: Path) -> None:
        """Refuse a path below `data` that leads nowhere: it would be undefined for ever, and the rule silent."""
        if not path or self._is_there(path):
            return
        raise BundleError(
            f"{place}: nothing is called data.{'.'.join(path)}",
            remedy="Correct the name, or give the policies the data file or package it means.",
        )

    def check_imports(self, parsed: ParsedModule) -> None:
        """The same for imports."""
        for path, _, line in parsed.outline.imports:
            if path == _REFUSED_IMPORT:
                raise BundleError(f"{parsed.place(line)}: import of future.keywords.not is refused: {_ENGINES}")
            if path[0] == "data":
                self.check(parsed.place(line), tuple(path[1:]))

    def _is_there(self, path: Path) -> bool:
        for package, rules in self._rules.items():
            if package[: len(path)] == path:
                return True
            if path[: len(package)] == package and path[len(package)] in rules:
                return True
        # Below a data file anything may be missing: that is what rules look at.
        roots = self._data.get(path[0])
        if path[0] != "ployd":
            return path[0] in self._data
        return isinstance(roots, Mapping) and (len(path) == 1 or path[1] in roots)
