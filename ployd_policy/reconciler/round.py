"""One round for one resource: what is known of it, the steps of the plan, what came of them. It writes no status."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Mapping
from typing import Any

from ployd_policy.model.decision import Compliant, Decision
from ployd_policy.model.errors import PloydPolicyError
from ployd_policy.model.resource import JsonObject
from ployd_policy.reconciler.account import condition, is_news
from ployd_policy.reconciler.conditions import COMPLIANT, DEPLOYED, Outcome, cut, denial
from ployd_policy.reconciler.means import Means
from ployd_policy.reconciler.plan import (
    DEPLOYS,
    FINALIZER,
    Adopt,
    Circumstances,
    Deploy,
    Release,
    ScaleToZero,
    Step,
    Undeploy,
    plan,
)
from ployd_policy.reconciler.ports import Done
from ployd_policy.reconciler.precondition import Precondition
from ployd_policy.reconciler.rollback import OnFailedRollout, failed_before, failed_now
from ployd_policy.sdk.interface import SdkError


class Round:
    """What is found out in one round, step by step, as the fields of its `Outcome`."""

    def __init__(self, means: Means, value: JsonObject) -> None:
        self._means = means
        self._value = value
        self._before: Mapping[str, Any] = value.get("status") or {}
        metadata = value["metadata"]
        self._generation: int = metadata["generation"]
        self._found: dict[str, Any] = {
            "generation": self._generation,
            "deployed_generation": self._before.get("deployedGeneration", 0),
            "ready_generation": self._before.get("readyGeneration", 0),
            "serves": value["kind"] in DEPLOYS,
            "least": _least(value),
            "deleting": bool(metadata.get("deletionTimestamp")),
        }
        if means.on_failed_rollout is OnFailedRollout.ROLLBACK:
            self._found["failed_rollout"] = failed_before(value)
        gate = means.gate if value["kind"] in DEPLOYS else None
        self._precondition = Precondition(gate, value) if gate is not None and gate.about(value) else None

    async def act(self) -> tuple[Outcome, JsonObject | None]:
        """Judge, plan and do it: the outcome, and the resource as it is stored then; None where it is gone."""
        try:
            decision = await self._decide()
        except PloydPolicyError as error:
            return self._outcome(trouble=error.message), self._value
        self._found["decision"] = decision
        current: JsonObject | None = self._value
        try:
            circumstances = await self._circumstances(decision)
        except PloydPolicyError as error:
            return self._outcome(trouble=error.message), self._value
        except SdkError as error:
            return self._outcome(trouble=error.message, final=not error.retryable), self._value
        try:
            for step in plan(self._value, decision, self._means.on_violation, circumstances):
                if current is None:
                    break  # deleted meanwhile
                self._means.fence()
                current = await self._take(step, current)
            if self._found["serves"] and "deployment" not in self._found and current is not None:
                self._found["deployment"] = await self._means.backend.observe(current)
        except SdkError as error:
            return self._outcome(trouble=error.message, final=not error.retryable), current
        if decision is not None and decision.allowed and self._found["serves"] and current is not None:
            await self._follow_up(decision)
        return self._outcome(), current

    def _outcome(self, **more: Any) -> Outcome:
        told = self._precondition.conditions if self._precondition is not None else {}
        return Outcome(**self._found, preconditions=told, **more)

    async def _decide(self) -> Decision | None:
        """The decision, that is in the trail before anything is done about it; None for what is being deleted.

        Raises:
            PloydPolicyError: it could not be judged, or not be kept in the trail.

        """
        if self._found["deleting"]:
            return None
        try:
            decision = self._judge(self._value)
        except PloydPolicyError as error:
            why = PloydPolicyError(f"not judged: {error.message}")
            if condition(self._before, COMPLIANT).get("message") != cut(why.message):
                await self._means.account.undecided(self._value, error, self._means.stamp())
            raise why from None
        if is_news(self._value, decision):
            await self._means.account.decided(self._value, decision, self._means.stamp())
        return decision

    def _judge(self, value: JsonObject) -> Decision:
        began = time.monotonic()
        try:
            return self._means.judge(value)
        finally:
            self._means.metrics.judge_seconds.observe(time.monotonic() - began)

    async def _circumstances(self, decision: Decision | None) -> Circumstances:
        if decision is None or not decision.allowed or not self._found["serves"]:
            return Circumstances()
        failed = self._found.get("failed_rollout") is not None
        earlier = await self._earlier() if failed else None
        return Circumstances(held=await self._is_held(decision), failed=failed, earlier=earlier)

    async def _earlier(self) -> Decision | None:
        """The decision of today about what became ready once; None where it cannot come back."""
        generation = self._found["ready_generation"]
        kept = await self._means.revisions.kept(self._value, generation)
        if kept is None:
            self._found["no_way_back"] = f"generation {generation} is not kept any more"
            return None
        decision = self._judge(kept)
        if self._found["deployed_generation"] != generation and self._tells_new_way_back(decision):
            await self._means.account.decided(kept, decision, self._means.stamp())
        if not decision.allowed:
            why = denial(decision.findings)
            self._found["no_way_back"] = f"generation {generation} is not compliant any more: {why}"
            return None
        return decision

    def _tells_new_way_back(self, decision: Decision) -> bool:
        return decision.allowed or condition(self._before, DEPLOYED).get("reason") != "RolloutFailed"

    async def _is_held(self, decision: Decision) -> bool:
        """Whether a precondition is not met; what holds a new generation is in the trail."""
        if self._precondition is None:
            return False
        before = self._precondition.before.get("message")
        why, for_good = await self._precondition.ask()
        if why and self._found["deployed_generation"] != self._generation and not self._found.get("failed_rollout"):
            self._found |= {"held": why, "held_for_good": for_good}
            if before != cut(why):
                await self._means.account.called(
                    self._value, "deploy_model", why, time=self._means.stamp(), receipt=decision.receipt.digest
                )
        return bool(why)

    async def _take(self, step: Step, value: JsonObject) -> JsonObject | None:
        """Do one step; the resource as it is stored then."""
        means, found = self._means, self._found
        mine = list(value["metadata"].get("finalizers") or ())
        match step:
            case Adopt():
                return await means.writer.finalizers(value, [*mine, FINALIZER])
            case Release():
                return await means.writer.finalizers(value, [each for each in mine if each != FINALIZER])
            case Deploy(compliant):
                await self._deploy(compliant, value)
            case ScaleToZero():
                found["deployment"] = (await self._call("scale_model", means.backend.scale(value, 0))).deployment
            case Undeploy():
                await self._call("undeploy_model", means.backend.undeploy(value))
        return value

    async def _deploy(self, compliant: Compliant, value: JsonObject) -> None:
        decision: Decision = self._found["decision"]
        same = (
            self._before.get("deployedGeneration") == compliant.generation
            and (self._before.get("receipt") or {}).get("digest") == decision.receipt.digest
        )
        done = await self._call("deploy_model", self._means.backend.deploy(compliant, value), compliant)
        self._found["deployment"] = done.deployment
        self._found["deployed_generation"] = compliant.generation
        if same and done.missed:
            for each in done.missed:
                self._means.metrics.restored(each.partition("/")[0])
            message = f"changed or deleted by somebody else, and put right: {', '.join(done.missed)}"
            self._means.log.info("drift restored", objects=done.missed)
            await self._means.event(value, "Warning", "DriftRestored", message)

    async def _call(self, method: str, call: Awaitable[Done], compliant: Compliant | None = None) -> Done:
        """A call of the SDK, counted and in the trail."""
        means = self._means
        subject = self._value if compliant is None else {**self._value, **compliant.resource.object}
        decision = self._found.get("decision")
        receipt = compliant.receipt.digest if compliant is not None else decision.receipt.digest if decision else ""
        try:
            done = await call
        except SdkError as error:
            means.metrics.called(method, "failed")
            await means.account.called(subject, method, error, time=means.stamp(), receipt=receipt)
            raise
        means.metrics.called(method, "done" if done.wrote else "unchanged")
        await means.account.called(subject, method, done, time=means.stamp(), receipt=receipt)
        return done

    async def _follow_up(self, decision: Decision) -> None:
        """See whether what was deployed became ready or failed, keep it, and note that it was deployed.

        Whatever of it fails is tried again, and takes nothing from what serves.
        """
        found = self._found
        if self._means.on_failed_rollout is OnFailedRollout.ROLLBACK:
            found["failed_rollout"] = found.get("failed_rollout") or failed_now(
                found["deployment"],
                generation=self._generation,
                deployed=found["deployed_generation"],
                ready=found["ready_generation"],
            )
            await self._keep()
        if self._precondition is not None and found["deployed_generation"] == self._generation:
            compliant = decision.require_allowed(decision.resource)
            found["again"] = not await self._precondition.track(compliant) or found.get("again", False)

    async def _keep(self) -> None:
        """Keep a generation that has become ready, to go back to."""
        found = self._found
        is_new = found["deployed_generation"] == self._generation != found["ready_generation"]
        if not is_new or not self._outcome().is_ready:
            return
        self._means.fence()
        try:
            await self._means.revisions.keep(self._value, drop=found["ready_generation"])
        except SdkError as error:
            self._means.log.warning("not kept to go back to", error=error.message)
            found["again"] = True
        else:
            found["ready_generation"] = self._generation


def _least(value: JsonObject) -> int:
    """The fewest replicas a resource asks for; 0 where it asks for none."""
    scaling = value["spec"].get("scaling") if isinstance(value.get("spec"), Mapping) else None
    least = scaling.get("minReplicas", 0) if isinstance(scaling, Mapping) else 0
    return least if isinstance(least, int) else 0
