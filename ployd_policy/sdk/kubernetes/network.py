"""Who may reach a model and whom it may reach, as NetworkPolicies of its own pods. Bodies only.

A NetworkPolicy knows addresses and labels, no names of hosts: a store outside is "any address outside, by port 443".
That keeps the model from other pods and from the node's metadata, not from other hosts of the Internet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ployd_policy.sdk.kubernetes.model import VLLM, Model
from ployd_policy.sdk.kubernetes.probes import port_name
from ployd_policy.sdk.kubernetes.source import source_of

_DNS_PORT = 53


def network_policies(model: Model) -> tuple[dict[str, Any], ...]:
    """Deny everything, then allow the gateway and monitoring in, and names and weights out.

    Raises:
        ConfigurationError: as `source_of`.

    """
    peers = [_peer(each) for each in model.choice("network", "ingress")]
    port = [{"protocol": "TCP", "port": port_name(model)}]
    return (
        _policy(model, "default-deny", policyTypes=["Ingress", "Egress"]),
        _policy(model, "ingress", policyTypes=["Ingress"], ingress=[{"from": peers, "ports": port}]),
        _policy(model, "egress", policyTypes=["Egress"], egress=list(_egress(model))),
    )


def _policy(model: Model, suffix: str, **rules: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": f"{model.name}-{suffix}"},
        "spec": {"podSelector": {"matchLabels": model.selector}, **rules},
    }


def _egress(model: Model) -> Iterator[dict[str, Any]]:
    names = [{"protocol": protocol, "port": _DNS_PORT} for protocol in ("UDP", "TCP")]
    yield {"to": [_peer(each) for each in model.choice("network", "dns")], "ports": names}
    if not _reads_outside(model):
        return
    outside = model.choice("network", "outside")
    yield {
        "to": [{"ipBlock": {"cidr": block["cidr"], "except": block["except"]}} for block in outside["blocks"]],
        "ports": [{"protocol": "TCP", "port": outside["port"]}],
    }
    entries = [*model.choice("network", "stores")]
    if model.at("serviceAccountName") is not None:
        entries += model.choice("network", "identity")
    for entry in entries:
        yield {"to": [_peer(entry)], "ports": [{"protocol": "TCP", "port": entry["port"]}]}


def _reads_outside(model: Model) -> bool:
    """Weights that are mounted need nothing from outside, unless the tokenizer stands somewhere else."""
    tokenizer = model.at("model", VLLM, "tokenizer")
    return source_of(model).is_outside or (tokenizer is not None and not str(tokenizer).startswith("/"))


def _peer(entry: Mapping[str, Any]) -> dict[str, Any]:
    if "block" in entry:
        return {"ipBlock": {"cidr": entry["block"]}}
    return {
        "namespaceSelector": {"matchLabels": entry["namespaces"]},
        "podSelector": {"matchLabels": entry["pods"]},
    }
