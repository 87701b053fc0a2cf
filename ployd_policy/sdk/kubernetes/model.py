"""A ModelDeployment as it is rendered: its fields, its estimates, and the platform's choices. It renders nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ployd_policy import serving
from ployd_policy.capacity import Catalogue
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.resource import GroupVersionKind, JsonObject, ObjectRef, Resource
from ployd_policy.sdk.translate import translate
from ployd_policy.serving import flags
from ployd_policy.serving.server import Argument

MODEL_DEPLOYMENT = GroupVersionKind("ployd.ai", "v1", "ModelDeployment")
VLLM = "vllm"
_LONGEST_NAME = 63
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A stored ModelDeployment with what is known of it."""

    stored: JsonObject
    call: Mapping[str, Any]
    """Arguments of `deploy_model`, as `sdk.translate` has them."""
    facts: Mapping[str, Any]
    """What capacity says of its server, as rules see it; empty where the framework is not vLLM."""
    image: str
    """Its own image, else the platform's for its framework; empty where neither names one."""
    catalogue: Catalogue
    platform: Mapping[str, Any]
    """`kubernetes` of policies/data/platform.yaml."""

    @property
    def ref(self) -> ObjectRef:
        """Its identity."""
        return ObjectRef(MODEL_DEPLOYMENT, self.namespace, self.name)

    @property
    def name(self) -> str:
        """Its name, and that of its Service and Deployment."""
        return str(self.stored["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Where everything of it is."""
        return str(self.stored["metadata"].get("namespace", ""))

    @property
    def spec(self) -> Mapping[str, Any]:
        """What its author wants, with the schema's defaults."""
        spec: Mapping[str, Any] = self.stored["spec"]
        return spec

    @property
    def framework(self) -> str:
        """The model server it runs."""
        return str(self.spec["model"]["framework"])

    @property
    def selector(self) -> dict[str, str]:
        """Labels that its pods have and no other's; a Deployment's cannot change."""
        return {
            "app.kubernetes.io/instance": self.name,
            "app.kubernetes.io/component": "model-server",
            "app.kubernetes.io/managed-by": "ployd-policy",
        }

    @property
    def pods(self) -> str:
        """A regular expression of its pods' names: the Deployment's name, its ReplicaSet's hash, the pod's."""
        return f"{self.name}-[a-z0-9]+-[a-z0-9]+"

    def at(self, *path: str) -> Any:
        """The value of a field of the spec; None where it is not set."""
        value: Any = self.spec
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def choice(self, *path: str) -> Any:
        """What the platform's data says.

        Raises:
            ConfigurationError: it says nothing there.

        """
        value: Any = self.platform
        for key in path:
            if not isinstance(value, Mapping) or key not in value:
                raise ConfigurationError(
                    f"the platform's data has no kubernetes.{'.'.join(path)}",
                    remedy="Take over the key from the platform.yaml that comes with ployd-policy.",
                )
            value = value[key]
        return value

    def flag(self, name: str) -> tuple[str, str]:
        """What the version that runs makes of a flag of vLLM: a status of `serving.flags`, and since which release."""
        version = self.facts.get("version", {}).get("text", "")
        releases = self.catalogue.vllm.get("versions", {})
        (found,) = flags.checked([Argument(flag=name, path=())], version, releases)
        return found["status"], found["since"]


def read_model(stored: JsonObject, *, catalogue: Catalogue, platform: Mapping[str, Any]) -> Model:
    """A ModelDeployment as the API server has stored it.

    `platform` is the whole of policies/data/platform.yaml.

    Raises:
        ConfigurationError: it is no such object, or no call of the SDK.

    """
    metadata = stored.get("metadata", {})
    gvk = GroupVersionKind.parse(str(stored.get("apiVersion", "")), str(stored.get("kind", "")))
    ref = ObjectRef(gvk, str(metadata.get("namespace", "")), str(metadata.get("name", "")))
    if gvk != MODEL_DEPLOYMENT:
        raise ConfigurationError(f"{ref} is no {MODEL_DEPLOYMENT}", remedy="Only model servers are rendered.")
    if not metadata.get("uid") or not ref.namespace:
        raise ConfigurationError(
            f"{ref} has no uid or no namespace: it is not as the API server has stored it",
            remedy="Read it from the cluster; what is made for it belongs to it by its uid.",
        )
    if len(ref.name) > _LONGEST_NAME or ref.name == VLLM:
        raise ConfigurationError(
            f"{ref}: a Service of that name is refused by Kubernetes, or stops every vLLM of its namespace",
            remedy=f"Give it another name, of at most {_LONGEST_NAME} letters.",
        )
    defaults = {name: entry["settings"] for name, entry in platform["frameworks"].items()}
    call = translate(Resource(ref=ref, object=stored), defaults, stored).calls[0].arguments
    choices = platform.get("kubernetes", {})
    written = stored["spec"]["model"]
    image = str(written.get("image") or choices.get("images", {}).get(written["framework"]) or "")
    # The version that runs is told by the image that runs, whoever chose it.
    whole = {**stored, "spec": {**stored["spec"], "model": {**written, "image": image}}}
    servers = serving.facts_for(whole, catalogue)["servers"]
    return Model(
        stored=stored,
        call=call,
        facts=servers[0] if servers else {},
        image=image,
        catalogue=catalogue,
        platform=choices,
    )


def is_label_value(text: str) -> bool:
    """Whether Kubernetes takes a text as the value of a label."""
    return _LABEL_VALUE.fullmatch(text) is not None


def given(**fields: Any) -> dict[str, Any]:
    """A JSON object of the fields that are not None; a trailing `_` of a name is left off."""
    return {name.rstrip("_"): value for name, value in fields.items() if value is not None}
