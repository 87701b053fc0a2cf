"""Calls the user's `ployd` package for what is `Compliant`, and for nothing else. It judges and waits for nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ployd_policy.model.decision import Compliant
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.resource import JsonObject, ObjectRef
from ployd_policy.sdk.calls import Call, Translation
from ployd_policy.sdk.interface import Deployment, SdkError
from ployd_policy.sdk.ployd.conformance import Conformance, examine
from ployd_policy.sdk.ployd.results import deployment_of
from ployd_policy.sdk.translate import translate

Told = Callable[[Call, str], None]
"""Told of each call when it has ended: the call, and why it failed, empty where it did not."""


def _nobody(_call: Call, _failed: str) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class PloydBackend:
    """A package that was found fit, with its components."""

    conformance: Conformance
    components: Mapping[str, Any]
    """Made once, by their names."""
    defaults: Mapping[str, Mapping[str, Any]]
    """See `translate`."""

    def calls(self, compliant: Compliant, stored: JsonObject | None = None) -> Translation:
        """What `deploy` calls for a resource.

        Raises:
            ConfigurationError: it has a field that no call takes, or the package cannot take the call.

        """
        found = translate(compliant.resource, self.defaults, stored)
        self.conformance.require_calls(str(compliant.resource.ref), found.calls)
        return found

    async def deploy(
        self, compliant: Compliant, stored: JsonObject | None = None, told: Told = _nobody
    ) -> Deployment | None:
        """Make the calls of a resource, one after the other; what the package says of the model, None of other kinds.

        Raises:
            ConfigurationError: as `calls`; nothing was called.
            SdkError: a call failed; those after it were not made.

        """
        result: Deployment | None = None
        for call in self.calls(compliant, stored).calls:
            answer = await self._call(call, told)
            if (call.component, call.method) == ("ModelServing", "deploy_model"):
                result = deployment_of(
                    answer, name=call.arguments["name"], namespace=call.arguments.get("namespace", "")
                )
        return result

    async def observe(self, ref: ObjectRef) -> Deployment | None:
        """What the package says of a model now; None where it knows none of that name.

        Raises:
            SdkError: the call failed.

        """
        answer = await self._call(_about("ModelServing", "get_deployment", ref), _nobody)
        return None if answer is None else deployment_of(answer, name=ref.name, namespace=ref.namespace)

    async def scale(self, ref: ObjectRef, replicas: int) -> Deployment:
        """Set the replicas of a model.

        Raises:
            SdkError: the call failed, or the package has none for this.

        """
        call = _about("ModelServing", "scale_model", ref, replicas=replicas)
        return deployment_of(await self._call(call, _nobody), name=ref.name, namespace=ref.namespace)

    async def undeploy(self, ref: ObjectRef) -> None:
        """Remove a model.

        Raises:
            SdkError: the call failed, or the package has none for this.

        """
        await self._call(_about("ModelServing", "undeploy_model", ref), _nobody)

    @property
    def observes(self) -> bool:
        """Whether the package can be asked what became of a model."""
        return ("ModelServing", "get_deployment") in self.conformance.signatures

    async def _call(self, call: Call, told: Told) -> Any:
        if (call.component, call.method) not in self.conformance.signatures:
            raise SdkError(f"the installed {self.conformance.name} has no {call.method}", retryable=False)
        method = getattr(self.components[call.component], call.method)
        try:
            answer = await method(**call.arguments)
        except Exception as error:  # somebody else's code may raise anything
            failure = _failure(call, error)
            told(call, failure.message)
            raise failure from error
        told(call, "")
        return answer


def open_package(package: Any, defaults: Mapping[str, Mapping[str, Any]]) -> PloydBackend:
    """A backend over a package that offers what is needed.

    Raises:
        ConfigurationError: it does not, or a component cannot be made.

    """
    conformance = examine(package)
    conformance.require()
    components = {}
    for name in dict.fromkeys(component for component, _ in conformance.signatures):
        try:
            components[name] = getattr(package, name)()
        except Exception as error:
            raise ConfigurationError(
                f"the installed package {conformance.name} cannot make its {name}: {type(error).__name__}: {error}",
                remedy="See what it wants to be set up with, or deploy with --sdk kubernetes.",
            ) from error
    return PloydBackend(conformance=conformance, components=components, defaults=defaults)


def _about(component: str, method: str, ref: ObjectRef, **more: Any) -> Call:
    namespace = {"namespace": ref.namespace} if ref.namespace else {}
    return Call(component=component, method=method, arguments={"name": ref.name, **namespace, **more})


def _failure(call: Call, error: Exception) -> SdkError:
    """An error of the package in ours. What its author or the network calls passing is worth another try."""
    if isinstance(error, SdkError):
        return error
    retryable = isinstance(error, (ConnectionError, TimeoutError, OSError)) or getattr(error, "retryable", None) is True
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    return SdkError(f"{call.component}.{call.method} failed: {said}", retryable=retryable)
