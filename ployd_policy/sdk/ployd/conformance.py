"""Whether a `ployd` package offers what the deploy path calls, by looking at it: no method of it is called here.

What is lacking is told at once and as a whole, before the first call; nothing is found out half way through a rollout.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.sdk.calls import Call
from ployd_policy.sdk.interface import COMPONENTS

Method = tuple[str, str]
"""Component and method."""

NEEDED: frozenset[Method] = frozenset(
    {("ModelServing", "deploy_model"), ("AIGateway", "create_route"), ("AIGateway", "update_route")}
)
"""What deploying cannot do without: each of the three kinds leads to one of them."""
_USES: Mapping[Method, str] = {
    ("ModelServing", "get_deployment"): "whether a model became healthy is known only from what deploy_model returns",
    ("ModelRegistry", "track_deployment"): "a resource with spec.modelRegistry is refused",
    ("Monitoring", "track_metrics"): "a route with spec.monitoring.metrics is refused",
}
"""Of the others, those that a deployment calls, and what follows where one is lacking."""
_BESIDE = ("scale_model", "undeploy_model")
"""What a reconciler calls of ModelServing besides. Whoever deploys alone can do without, so a gap is not told here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One thing in which a package differs from the interface."""

    component: str
    method: str = ""
    """Empty: it is about the whole component."""
    parameter: str = ""
    text: str
    """What is so, as the end of a sentence that begins with the method's name."""
    consequence: str = ""
    fatal: bool = False
    """Nothing can be deployed with this package."""

    def __str__(self) -> str:
        """`ModelServing.deploy_model takes no gpu_count`."""
        subject = f"{self.component}.{self.method}" if self.method else self.component
        return f"{subject} {self.text}" + (f": {self.consequence}" if self.consequence else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformance:
    """What was seen of a package."""

    name: str
    version: str
    """Empty: it does not say."""
    gaps: tuple[Gap, ...]
    signatures: Mapping[Method, inspect.Signature] = field(repr=False)
    """Of the methods that can be called, without `self`."""

    @property
    def warnings(self) -> tuple[Gap, ...]:
        """What is lacking and may be."""
        return tuple(gap for gap in self.gaps if not gap.fatal)

    def text(self) -> str:
        """All of it for people, a line a gap."""
        title = " ".join(filter(None, (self.name, self.version)))
        if not self.gaps:
            return f"{title}: offers everything that is called\n"
        ordered = sorted(self.gaps, key=lambda gap: not gap.fatal)
        lines = [f"  {'error' if gap.fatal else 'warning'}: {gap}" for gap in ordered]
        return "\n".join([f"{title}:", *lines]) + "\n"

    def require(self) -> None:
        """Refuse a package without what deploying needs.

        Raises:
            ConfigurationError: with everything that is lacking.

        """
        if any(gap.fatal for gap in self.gaps):
            raise ConfigurationError(
                f"the installed package {self.name} is not the PloyD SDK that is called\n{self.text().rstrip()}",
                remedy="Install a version of it that has these, or deploy with --sdk kubernetes.",
            )

    def require_calls(self, subject: str, calls: Sequence[Call]) -> None:
        """Refuse calls that the package cannot take.

        Args:
            subject: the resource they come from, for the message.
            calls: none of which was made yet.

        Raises:
            ConfigurationError: a method is lacking, a parameter is, or one is asked for that is not given.

        """
        for call in calls:
            signature = self.signatures.get((call.component, call.method))
            problem = "it has no such method that can be called" if signature is None else ""
            if signature is not None:
                try:
                    signature.bind(**call.arguments)
                except TypeError as error:
                    problem = str(error)
            if problem:
                raise ConfigurationError(
                    f"{subject}: the installed {self.name} cannot take {call.component}.{call.method}: {problem}",
                    remedy="Leave out the field, install a version that takes it, or deploy with --sdk kubernetes.",
                )


def examine(package: Any) -> Conformance:
    """Look at a package.

    Args:
        package: a module, or anything with the components as attributes.

    """
    found: dict[Method, inspect.Signature] = {}
    gaps = [gap for component in COMPONENTS for gap in _component(package, component, found)]
    if ("ModelServing", "deploy_model") in found:
        for method in _BESIDE:
            list(_method(package.ModelServing, "ModelServing", method, found))
    return Conformance(
        name=str(getattr(package, "__name__", "ployd")),
        version=str(getattr(package, "__version__", "")),
        gaps=tuple(gaps),
        signatures=found,
    )


def _component(package: Any, name: str, found: dict[Method, inspect.Signature]) -> Iterator[Gap]:
    wanted = [method for component, method in (*NEEDED, *_USES) if component == name]
    if not wanted:
        return
    fatal = any((name, method) in NEEDED for method in wanted)
    component = getattr(package, name, None)
    if component is None:
        yield Gap(component=name, text="is missing", consequence=_without(name), fatal=fatal)
        return
    if not inspect.isclass(component):
        yield Gap(component=name, text="is no class", consequence=_without(name), fatal=fatal)
        return
    asked = [each.name for each in _required(_signature(component))]
    if asked:
        text = f"cannot be made without {', '.join(asked)}"
        yield Gap(component=name, text=text, consequence=_without(name), fatal=fatal)
        return
    for method in sorted(wanted):
        yield from _method(component, name, method, found)


def _without(component: str) -> str:
    """What follows where an optional component is lacking."""
    if any(name == component for name, _ in NEEDED):
        return ""
    return "; ".join(text for (name, _), text in _USES.items() if name == component)


def _method(component: type, name: str, method: str, found: dict[Method, inspect.Signature]) -> Iterator[Gap]:
    key = (name, method)
    about: dict[str, Any] = {"component": name, "method": method, "fatal": key in NEEDED}
    follows = _USES.get(key, "")
    there = getattr(component, method, None)
    if not callable(there):
        yield Gap(**about, text="is missing", consequence=follows)
        return
    if not inspect.iscoroutinefunction(inspect.unwrap(there)):
        yield Gap(**about, text="is not async", consequence=follows)
        return
    signature = _unbound(component, method)
    if signature is None:
        yield Gap(**about, text="does not say which parameters it takes", consequence=follows)
        return
    yield from _parameters(about, signature, inspect.signature(getattr(COMPONENTS[name], method)))
    found[key] = signature


def _parameters(about: dict[str, Any], there: inspect.Signature, wanted: inspect.Signature) -> Iterator[Gap]:
    """Parameters that one has and the other lacks. One that may be left out costs only the resources that set it."""
    declared = [each for each in wanted.parameters.values() if each.name != "self"]
    for each in declared:
        if not _takes(there, each.name):
            optional = each.default is not each.empty
            follows = "a resource that sets it is refused" if optional else ""
            gap = {**about, "fatal": about["fatal"] and not optional}
            yield Gap(**gap, parameter=each.name, text=f"takes no {each.name}", consequence=follows)
    for each in _required(there):
        known = next((one for one in declared if one.name == each.name), None)
        if known is None or each.kind is each.POSITIONAL_ONLY:
            yield Gap(**about, parameter=each.name, text=f"asks for {each.name}, which is never given")
        elif known.default is not known.empty:
            gap = {**about, "fatal": False}
            follows = "a resource that does not set it is refused"
            yield Gap(**gap, parameter=each.name, text=f"asks for {each.name}", consequence=follows)


def _takes(signature: inspect.Signature, name: str) -> bool:
    if any(each.kind is each.VAR_KEYWORD for each in signature.parameters.values()):
        return True
    found = signature.parameters.get(name)
    return found is not None and found.kind in {found.POSITIONAL_OR_KEYWORD, found.KEYWORD_ONLY}


def _required(signature: inspect.Signature | None) -> list[inspect.Parameter]:
    if signature is None:
        return []
    return [
        each
        for each in signature.parameters.values()
        if each.default is each.empty and each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}
    ]


def _signature(subject: Any) -> inspect.Signature | None:
    """None where a thing written in another language does not say."""
    try:
        return inspect.signature(subject)
    except (TypeError, ValueError):
        return None


def _unbound(component: type, method: str) -> inspect.Signature | None:
    """The signature of a method as an instance has it, without making one."""
    signature = _signature(getattr(component, method))
    if signature is None or isinstance(inspect.getattr_static(component, method), (staticmethod, classmethod)):
        return signature
    return signature.replace(parameters=list(signature.parameters.values())[1:])
