"""What a rollout would do, from what a repository wants and what a cluster has. Pure: it decides and does nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ployd_policy.model.decision import Compliant, Decision
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.resource import GroupVersionKind, JsonObject, ObjectRef
from ployd_policy.rollout.cost import Footprint, total
from ployd_policy.rollout.difference import difference, same

SOURCE = "deploy.ployd.ai/source"
"""Annotation by which `deploy` knows its own again: the repository's name and the environment."""
KINDS = ("ModelDeployment", "GatewayRoute", "CanaryDeployment")
"""In the order of their dependencies: a route needs its models, a canary its route."""


class Action(StrEnum):
    """What is done about one object."""

    CREATE = "create"
    CHANGE = "change"
    UNCHANGED = "unchanged"
    REMOVE = "remove"
    CALL = "call"
    """The calls of the SDK are made; nobody here knows whether they change anything."""
    REFUSED = "refused"
    """The API server would not take it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an object of the repository comes from."""

    file: str
    commit: str = ""
    """Of the last change of the file; empty: it is not committed, or there is no Git."""
    author: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An object of the repository, judged."""

    decision: Decision
    origin: Origin

    @property
    def ref(self) -> ObjectRef:
        """What it is called."""
        return self.decision.resource.ref

    def compliant(self) -> Compliant:
        """The token to deploy it.

        Raises:
            NotCompliantError: it was denied.

        """
        return self.decision.require_allowed(self.decision.resource)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a cluster says of one object that is wanted."""

    stored: JsonObject | None
    """As it is; None where there is none."""
    applied: JsonObject | None = None
    """As it would be, with defaults and all; None where the API server refuses it."""
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is done about one object, and what that changes."""

    action: Action
    ref: ObjectRef
    wanted: Wanted | None = None
    """None where it is removed."""
    before: JsonObject | None = None
    diff: tuple[str, ...] = ()
    takes: tuple[Footprint, Footprint] = (Footprint(), Footprint())
    """Before and after."""
    message: str = ""
    """Why it is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A rollout that was not begun."""

    environment: str
    steps: tuple[Step, ...]
    """In the order they are done; what is removed comes last."""
    where: str = ""
    """What is deployed into, for people."""
    currency: str = ""
    example_prices: bool = False
    """The prices are the examples that are shipped, not somebody's contract."""
    compared: bool = True
    """False: nobody knows what is there, so each step is a call."""
    notes: tuple[str, ...] = field(default=())
    """What whoever decides should know; a sentence each."""

    def count(self, action: Action) -> int:
        """How many steps do this."""
        return sum(step.action is action for step in self.steps)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return all(step.action is Action.UNCHANGED for step in self.steps)

    @property
    def takes(self) -> tuple[Footprint, Footprint]:
        """What all objects of the rollout take, before and after."""
        return total(step.takes[0] for step in self.steps), total(step.takes[1] for step in self.steps)


def ordered(wanted: Sequence[Wanted]) -> tuple[Wanted, ...]:
    """The objects in the order they are applied.

    Raises:
        ConfigurationError: two of them are one and the same in a cluster, or one names no namespace.

    """
    for ref, count in Counter(each.ref for each in wanted).items():
        if count > 1:
            files = ", ".join(each.origin.file for each in wanted if each.ref == ref)
            raise ConfigurationError(
                f"{ref} is in {count} files that would go to one cluster: {files}",
                remedy="Name the folder of the cluster that is deployed to.",
            )
        if not ref.namespace:
            raise ConfigurationError(
                f"{ref} names no namespace, and what it was judged as depends on it",
                remedy="Write metadata.namespace.",
            )
    return tuple(sorted(wanted, key=lambda each: _place(each.ref)))


def plan_of(
    wanted: Sequence[Wanted],
    found: Mapping[ObjectRef, Found],
    stale: Sequence[JsonObject],
    takes: Callable[[JsonObject | None], Footprint],
) -> tuple[Step, ...]:
    """The steps, in order.

    Args:
        wanted: what the repository wants, ordered.
        found: of each of them, what the cluster says.
        stale: objects that are to go, as they are stored.
        takes: what an object takes.

    """
    steps = [_step(each, found[each.ref], takes) for each in wanted]
    removals = [_removal(value, takes) for value in stale]
    return (*steps, *sorted(removals, key=lambda step: _place(step.ref), reverse=True))


def calls_of(wanted: Sequence[Wanted], takes: Callable[[JsonObject | None], Footprint]) -> tuple[Step, ...]:
    """The steps where what is there cannot be compared."""
    return tuple(
        Step(
            action=Action.CALL,
            ref=each.ref,
            wanted=each,
            diff=difference(None, each.decision.resource.object),
            takes=(Footprint(), takes(each.decision.resource.object)),
        )
        for each in wanted
    )


def _step(wanted: Wanted, found: Found, takes: Callable[[JsonObject | None], Footprint]) -> Step:
    before, after = found.stored, found.applied
    if after is None:
        return Step(action=Action.REFUSED, ref=wanted.ref, wanted=wanted, before=before, message=found.refusal)
    if before is None:
        action = Action.CREATE
    else:
        action = Action.UNCHANGED if same(before, after) and source_of(before) == source_of(after) else Action.CHANGE
    return Step(
        action=action,
        ref=wanted.ref,
        wanted=wanted,
        before=before,
        diff=() if action is Action.UNCHANGED else difference(before, after),
        takes=(takes(before), takes(after)),
    )


def _removal(value: JsonObject, takes: Callable[[JsonObject | None], Footprint]) -> Step:
    return Step(
        action=Action.REMOVE,
        ref=ref_of(value),
        before=value,
        diff=difference(value, None),
        takes=(takes(value), Footprint()),
    )


def ref_of(value: JsonObject) -> ObjectRef:
    """What a stored object is called."""
    metadata = value["metadata"]
    gvk = GroupVersionKind.parse(value["apiVersion"], value["kind"])
    return ObjectRef(gvk, str(metadata.get("namespace", "")), str(metadata["name"]))


def source_of(value: JsonObject) -> str:
    """The repository and environment that an object says it comes from; empty where it says none."""
    return str((value["metadata"].get("annotations") or {}).get(SOURCE, ""))


def _place(ref: ObjectRef) -> tuple[int, str, str]:
    return KINDS.index(ref.gvk.kind), ref.namespace, ref.name
