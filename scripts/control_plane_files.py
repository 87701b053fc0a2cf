"""What a control plane reads before it starts: certificates, kubeconfigs, audit policy, admission settings, stages."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import json
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

ADMIN = "admin"
API_SERVER = "kube-apiserver"
"""Common name of the certificate with which the API server calls webhooks."""
_USERS = {
    ADMIN: ("system:admin", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
    API_SERVER: (API_SERVER, ""),
}
_DAYS = 30

# Metadata of every request; bodies of what writes to our own kinds, so that tests can say what was changed.
_AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: RequestResponse
    verbs: [create, update, patch, delete]
    resources:
      - group: ployd.ai
      - group: apps
        resources: [deployments]
  - level: Metadata
"""

# The stages of kwok that make nodes and pods ready at once; https://kwok.sigs.k8s.io/docs/user/stages-configuration/
_NODE_READY = """\
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: node-ready}
spec:
  resourceRef: {apiGroup: v1, kind: Node}
  selector:
    matchExpressions:
      - {key: '.status.conditions.[] | select( .type == "Ready" ) | .status', operator: NotIn, values: ["True"]}
  next:
    statusTemplate: |
      {{ $now := Now }}
      conditions:
        - {type: Ready, status: "True", reason: KubeletReady, message: "a fake node of kwok",
           lastHeartbeatTime: {{ $now | Quote }}, lastTransitionTime: {{ $now | Quote }}}
"""
_POD_READY = """\
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-ready}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
      - {key: .metadata.deletionTimestamp, operator: DoesNotExist}
      - {key: .status.podIP, operator: DoesNotExist}
  next:
    statusTemplate: |
      {{ $now := Now }}
      conditions:
        - {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
        - {type: Ready, status: "True", lastTransitionTime: {{ $now | Quote }}}
        - {type: ContainersReady, status: "True", lastTransitionTime: {{ $now | Quote }}}
      containerStatuses:
      {{ range .spec.containers }}
        - {name: {{ .name | Quote }}, image: {{ .image | Quote }}, ready: true, restartCount: 0,
           state: {running: {startedAt: {{ $now | Quote }}}}}
      {{ end }}
      hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
      podIP: {{ with .metadata }}{{ PodIPWith $.spec.nodeName false .uid .name .namespace | Quote }}{{ end }}
      phase: Running
      startTime: {{ $now | Quote }}
"""
_POD_DELETE = """\
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-delete}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
      - {key: .metadata.deletionTimestamp, operator: Exists}
  next:
    finalizers: {empty: true}
    delete: true
"""


def write_files(folder: Path, url: str) -> None:
    """Write everything a control plane at `url` needs into `folder`."""
    authority = Authority.create("ployd-policy test control plane")
    (folder / "ca.crt").write_bytes(authority.certificate_pem)
    authority.issue(folder / "server", "kube-apiserver", addresses=("127.0.0.1",), names=("localhost", "kubernetes"))
    for name, (user, group) in _USERS.items():
        authority.issue(folder / name, user, organisation=group)
        config = _kubeconfig(url, folder / "ca.crt", folder / name)
        (folder / f"{name}.kubeconfig").write_text(json.dumps(config, indent=1))
    _write_account_keys(folder)
    (folder / "audit-policy.yaml").write_text(_AUDIT_POLICY)
    _write_admission(folder)
    (folder / "stages").mkdir()
    for name, text in (("node", _NODE_READY), ("pod", _POD_READY), ("pod-delete", _POD_DELETE)):
        (folder / "stages" / f"{name}.yaml").write_text(text)


class Authority:
    """A certificate authority for tests."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate
        self.certificate_pem = certificate.public_bytes(serialization.Encoding.PEM)

    @classmethod
    def create(cls, name: str) -> Authority:
        """A new one, self-signed."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _builder(subject, subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate)

    def issue(
        self,
        path: Path,
        name: str,
        *,
        organisation: str = "",
        addresses: tuple[str, ...] = (),
        names: tuple[str, ...] = (),
    ) -> None:
        """Write `path`.crt and `path`.key for `name`; with addresses or names it serves, otherwise it calls."""
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
        if organisation:
            attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
        builder = _builder(x509.Name(attributes), self._certificate.subject, key.public_key())
        alternatives: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(each)) for each in addresses]
        alternatives += [x509.DNSName(each) for each in names]
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        path.with_name(f"{path.name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        path.with_name(f"{path.name}.key").write_bytes(_private_pem(key))


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=_DAYS))
    )


def _private_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_account_keys(folder: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (folder / "accounts.key").write_bytes(_private_pem(key))
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "accounts.pub").write_bytes(public)


def _kubeconfig(url: str, ca: Path, pair: Path) -> dict[str, object]:
    def inline(path: Path) -> str:
        return base64.b64encode(path.read_bytes()).decode()

    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": {"server": url, "certificate-authority-data": inline(ca)}}],
        "users": [
            {
                "name": "me",
                "user": {
                    "client-certificate-data": inline(pair.with_name(f"{pair.name}.crt")),
                    "client-key-data": inline(pair.with_name(f"{pair.name}.key")),
                },
            }
        ],
        "contexts": [{"name": "me", "context": {"cluster": "here", "user": "me"}}],
        "current-context": "me",
    }


def _write_admission(folder: Path) -> None:
    """Let the API server show its certificate to webhooks, as one does who wants them to know it."""
    user = {
        "name": "*",
        "user": {
            "client-certificate": str(folder / f"{API_SERVER}.crt"),
            "client-key": str(folder / f"{API_SERVER}.key"),
        },
    }
    webhooks = folder / "webhooks.kubeconfig"
    webhooks.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "users": [user]}))
    plugin = {
        "name": "ValidatingAdmissionWebhook",
        "configuration": {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "WebhookAdmissionConfiguration",
            "kubeConfigFile": str(webhooks),
        },
    }
    config = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration", "plugins": [plugin]}
    (folder / "admission.yaml").write_text(json.dumps(config))
