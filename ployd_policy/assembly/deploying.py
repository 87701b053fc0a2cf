"""`deploy`, put together: judge a repository, plan its rollout, do it. It prints nothing and asks nobody."""

from __future__ import annotations

import asyncio
import datetime as dt
import getpass
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ployd_policy.assembly.files import Scope
from ployd_policy.assembly.installed import AUTO, chosen
from ployd_policy.assembly.reconciling import ReconcileOptions
from ployd_policy.assembly.rollout_cluster import ClusterTarget, client_of
from ployd_policy.assembly.rollout_judging import Judged, judge_environment, repository_of
from ployd_policy.assembly.rollout_sdk import SdkTarget, rehearse
from ployd_policy.assembly.rollout_survey import Survey, require_lease_namespace
from ployd_policy.assembly.wiring import Setup, Wired, wire
from ployd_policy.cluster import connect
from ployd_policy.engine import Door
from ployd_policy.model.errors import ConfigurationError, ToolError
from ployd_policy.model.resource import JsonObject
from ployd_policy.ports import Trail
from ployd_policy.rollout import account
from ployd_policy.rollout.cost import Footprint, footprint
from ployd_policy.rollout.plan import Plan, Step, calls_of, plan_of
from ployd_policy.rollout.ports import Target
from ployd_policy.rollout.run import Pace, Progress, Result, Rollout
from ployd_policy.sdk.calls import Translation
from ployd_policy.sdk.interface import SdkError
from ployd_policy.sdk.ployd import PloydBackend
from ployd_policy.trail import open_trail


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployOptions:
    """What is deployed, and where."""

    setup: Setup
    scope: Scope
    """Its environment is the one that is deployed to."""
    environment: str
    kubeconfig: Path | None = None
    """None: the pod's service account."""
    context: str | None = None
    sdk: str = AUTO
    """Who makes models: `ployd` (the installed package), `kubernetes` (a reconciler), `auto`."""
    source: str = ""
    """Name of the repository; empty: that of its folder."""
    prune: bool = False
    lease: tuple[str, str] = ("ployd-policy", "ployd-policy-reconciler")
    trail: Path | None = None
    pace: Pace = field(default_factory=Pace)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A rollout that can begin."""

    plan: Plan
    target: Target
    calls: tuple[Translation, ...]
    """The same as calls of the SDK, for whoever wants to see them."""


@dataclass(frozen=True, slots=True)
class Deployer:
    """One run. Its steps are taken in their order: `judge`, `prepare`, `rollout`."""

    options: DeployOptions
    wired: Wired

    @classmethod
    def of(cls, options: DeployOptions) -> Deployer:
        """Load what judges.

        Raises:
            ConfigurationError: as `wire`; there is no environment of that name.

        """
        wired = wire(options.setup, Door.REPOSITORY)
        wired.engine.environments.demands(options.environment)
        return cls(options, wired)

    @property
    def left_out(self) -> str:
        """Which rules were told not to speak, in words; empty: none."""
        setup = self.options.setup
        others = f"all rules but {', '.join(setup.select)}" if setup.select else ""
        return "; ".join(filter(None, (others, ", ".join(setup.ignore))))

    @property
    def confirms(self) -> bool:
        """Whether somebody has to say yes."""
        return self.wired.engine.environments.demands(self.options.environment).confirm

    def judge(self) -> Judged:
        """Judge everything that belongs to the environment.

        Raises:
            ConfigurationError: nothing in PATHS belongs to it, or something cannot be told apart.
            PloydPolicyError: as `check_files`.

        """
        options = self.options
        return judge_environment(self.wired, options.scope, options.environment, whole=options.prune)

    def prepare(self, judged: Judged, trail: Trail | None) -> Prepared:
        """Plan the rollout of a repository that is allowed. Nothing is changed.

        `trail` is for a reconciler that works here, should there be none in the cluster.

        Raises:
            PloydPolicyError: it cannot be planned.

        """
        try:
            calls = tuple(asyncio.run(rehearse(judged.wanted, self.wired)))
        except SdkError as error:
            raise ToolError(error.message) from None
        package = chosen(self.options.sdk, self.wired)
        if package is not None:
            return self._through_ployd(package, judged, calls)
        return self._into_cluster(judged, calls, trail)

    def rollout(self, prepared: Prepared, told: Callable[[Result], None], trail: Trail | None) -> Rollout:
        """The rollout, not begun; `run` it in a loop."""
        environment = self.options.environment

        def called(step: Step, name: str, failed: str) -> None:
            if trail is not None:
                trail.write(account.called(step, name, failed, time=_now(), user=_user(), environment=environment))

        def tell(result: Result) -> None:
            if trail is not None and result.progress is Progress.HELD:
                trail.write(account.held(result.step, time=_now(), user=_user(), environment=environment))
            told(result)

        return Rollout(plan=prepared.plan, target=prepared.target, called=called, told=tell, pace=self.options.pace)

    def open_trail(self) -> Trail | None:
        """Where this run is written down; None: nowhere.

        Raises:
            ConfigurationError: nothing can be written there.

        """
        return open_trail(self.options.trail) if self.options.trail is not None else None

    def write_decisions(self, judged: Judged, trail: Trail | None) -> None:
        """Write down what was decided.

        Raises:
            ToolError: it could not be kept; nothing is to be done then.

        """
        if trail is not None:
            for wanted in judged.wanted:
                trail.write(account.decided(wanted, time=_now(), user=_user()))

    def _through_ployd(self, backend: PloydBackend, judged: Judged, calls: tuple[Translation, ...]) -> Prepared:
        if self.options.prune:
            raise ConfigurationError(
                "--prune needs to know what is there, and a ployd package cannot be asked",
                remedy="Leave it out, or deploy with --sdk kubernetes.",
            )
        for wanted, found in zip(judged.wanted, calls, strict=True):
            backend.conformance.require_calls(str(wanted.ref), found.calls)
        steps = calls_of(judged.wanted, self._takes)
        notes = (*judged.notes, *(f"{backend.conformance.name}: {gap}" for gap in backend.conformance.warnings))
        where = " ".join(filter(None, ("the installed package", backend.conformance.name, backend.conformance.version)))
        plan = replace(self._plan(steps, notes, where), compared=False)
        return Prepared(plan=plan, target=SdkTarget(backend=backend, wired=self.wired), calls=calls)

    def _into_cluster(self, judged: Judged, calls: tuple[Translation, ...], trail: Trail | None) -> Prepared:
        options = self.options
        connection = connect(options.kubeconfig, options.context)
        source = f"{options.source or repository_of(options.scope.root).name}/{options.environment}"
        survey = Survey(connection, source)
        namespaces = list(dict.fromkeys(each.ref.namespace for each in judged.wanted))
        notes = survey.notes(namespaces, options.environment, self.wired.engine.environments)
        all_notes = (*judged.notes, *notes)
        if options.pace.wait:
            require_lease_namespace(connection, options.lease[0])
        stale = list(survey.stale(judged.kept())) if options.prune else []
        steps = plan_of(judged.wanted, survey.found(judged.wanted), stale, self._takes)
        target = ClusterTarget(
            client=client_of(connection),
            source=source,
            options=ReconcileOptions(
                setup=options.setup,
                kubeconfig=options.kubeconfig,
                lease_namespace=options.lease[0],
                lease_name=options.lease[1],
            ),
            wired=self.wired,
            trail=trail,
        )
        where = f"the cluster at {connection.host}"
        return Prepared(plan=self._plan(steps, all_notes, where), target=target, calls=calls)

    def _plan(self, steps: tuple[Step, ...], notes: Sequence[str], where: str) -> Plan:
        prices = self.wired.engine.catalogue.prices
        return Plan(
            environment=self.options.environment,
            steps=steps,
            where=where,
            currency=str(prices.get("currency", "")),
            example_prices=bool(prices.get("example")),
            notes=tuple(notes),
        )

    def _takes(self, value: JsonObject | None) -> Footprint:
        return footprint(value, self.wired.engine.catalogue)


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: TID251 - when it was done


def _user() -> str:
    """Who runs this, as the machine knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return str(os.getuid())
