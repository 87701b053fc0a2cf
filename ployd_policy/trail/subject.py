"""Which entries are asked for: those about one object, those with one receipt. It reads no lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ployd_policy.model.errors import ConfigurationError

_OURS = {
    "ModelDeployment": ("modeldeployment", "modeldeployments", "mdep"),
    "GatewayRoute": ("gatewayroute", "gatewayroutes", "groute"),
    "CanaryDeployment": ("canarydeployment", "canarydeployments", "cdep"),
}
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9]{0,62}")
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.:-]{0,251}[a-z0-9])?")
_RECEIPT = re.compile(r"(?:sha256:)?([0-9a-f]{4,64})")
_KIND_AND_NAME, _WITH_NAMESPACE = 2, 3
_HOW = "Write KIND/NAMESPACE/NAME, KIND/NAME, or NAMESPACE/NAME of a ModelDeployment."


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What an entry must be about. An empty field asks for nothing."""

    kind: str = ""
    """Of ours as it is spelled; of others in small letters, in the singular or plural."""
    namespace: str = ""
    name: str = ""
    receipt: str = ""
    """What it begins with, as `sha256:` and hex digits."""

    def matches(self, fields: Mapping[str, Any]) -> bool:
        """Whether the fields of a line are about it."""
        return (
            (not self.name or fields.get("name") == self.name)
            and (not self.namespace or fields.get("namespace", "") == self.namespace)
            and (not self.receipt or str(fields.get("receipt", "")).startswith(self.receipt))
            and (not self.kind or is_called(str(fields.get("kind", "")), self.kind))
        )

    def __str__(self) -> str:
        """`ModelDeployment ployd-ai-gateway/chat`, `receipt sha256:0123`."""
        named = f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"
        parts = [named if self.name else "", f"receipt {self.receipt}" if self.receipt else ""]
        return " with ".join(filter(None, parts))


def is_called(kind: str, word: str) -> bool:
    """Whether kubectl's `word` means `kind`: in any case, in the singular or plural, or our short names."""
    low, said = kind.lower(), word.lower()
    return said in {low, f"{low}s", f"{low}es", f"{low[:-1]}ies"} or said in _OURS.get(kind, ())


def subject_of(text: str, *, namespace: str = "", receipt: str = "") -> Subject:
    """The subject that a command line names.

    Args:
        text: an object, as KIND/NAMESPACE/NAME, KIND/NAME, NAMESPACE/NAME or NAME; without a kind it is a
            ModelDeployment, without a namespace it is in any. Empty: no object is named.
        namespace: named apart.
        receipt: the beginning of one, with or without `sha256:`. Empty: any, and none.

    Raises:
        ConfigurationError: that names nothing, or contradicts itself.

    """
    kind, within, name = _parts(text, apart=bool(namespace))
    if within and namespace and within != namespace:
        raise ConfigurationError(f"{text} is in namespace {within}, and --namespace says {namespace}")
    for what, said, form in (
        ("kind", kind, _KIND),
        ("namespace", within or namespace, _NAMESPACE),
        ("name", name, _NAME),
    ):
        if said and not form.fullmatch(said):
            raise ConfigurationError(f"{said!r} is no {what}", remedy=_HOW)
    digest = _RECEIPT.fullmatch(receipt.lower())
    if receipt and digest is None:
        raise ConfigurationError(f"{receipt!r} is no receipt", remedy="Write its first digits, four at least.")
    if not name and digest is None:
        raise ConfigurationError("neither an object nor a receipt is named", remedy=_HOW)
    return Subject(
        kind=_spelled(kind),
        namespace=within or namespace,
        name=name,
        receipt=f"sha256:{digest[1]}" if digest else "",
    )


def _parts(text: str, *, apart: bool) -> tuple[str, str, str]:
    """(kind, namespace, name) of an object as it was written."""
    if not text:
        return "", "", ""
    parts = text.split("/")
    if len(parts) > _WITH_NAMESPACE or not all(parts):
        raise ConfigurationError(f"{text!r} names no object", remedy=_HOW)
    if len(parts) == _WITH_NAMESPACE:
        return parts[0], parts[1], parts[2]
    if len(parts) == _KIND_AND_NAME:
        # Where the namespace is said apart, it is the kind that stands before the name, as with kubectl.
        of_ours = any(is_called(kind, parts[0]) for kind in _OURS)
        return (parts[0], "", parts[1]) if apart or of_ours else ("ModelDeployment", parts[0], parts[1])
    return "ModelDeployment", "", text


def _spelled(word: str) -> str:
    """One of our kinds as it is spelled, any other in small letters."""
    return next((kind for kind in _OURS if word and is_called(kind, word)), word.lower())
