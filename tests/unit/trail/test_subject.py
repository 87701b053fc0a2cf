"""Objects are named as kubectl names them."""

import pytest

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.trail import Subject, subject_of


@pytest.mark.parametrize(
    ("text", "namespace", "means"),
    [
        ("ModelDeployment/models/llama", "", ("ModelDeployment", "models", "llama")),
        ("modeldeployments/models/llama", "", ("ModelDeployment", "models", "llama")),
        ("mdep/llama", "", ("ModelDeployment", "", "llama")),
        ("GATEWAYROUTE/chat", "models", ("GatewayRoute", "models", "chat")),
        ("models/llama", "", ("ModelDeployment", "models", "llama")),
        ("llama", "", ("ModelDeployment", "", "llama")),
        ("llama", "models", ("ModelDeployment", "models", "llama")),
        ("pod/llama-0", "models", ("pod", "models", "llama-0")),
        ("Pods/models/llama-0", "models", ("pods", "models", "llama-0")),
    ],
)
def test_how_an_object_is_named(text: str, namespace: str, means: tuple[str, str, str]) -> None:
    kind, within, name = means
    assert subject_of(text, namespace=namespace) == Subject(kind=kind, namespace=within, name=name)


@pytest.mark.parametrize(
    ("word", "kind", "is_meant"),
    [
        ("pods", "Pod", True),
        ("networkpolicies", "NetworkPolicy", True),
        ("ingresses", "Ingress", True),
        ("pod", "PodTemplate", False),
        ("ModelDeployment", "ModelDeployment", True),
        ("ModelDeployment", "Deployment", False),
    ],
)
def test_which_kind_is_meant(word: str, kind: str, is_meant: bool) -> None:  # noqa: FBT001
    assert Subject(kind=word, name="a").matches({"kind": kind, "name": "a"}) is is_meant


@pytest.mark.parametrize("receipt", ["0a1b", "sha256:0a1b", "SHA256:0A1B"])
def test_a_receipt_by_its_first_digits(receipt: str) -> None:
    assert subject_of("", receipt=receipt) == Subject(receipt="sha256:0a1b")


@pytest.mark.parametrize(
    ("text", "namespace", "receipt", "why"),
    [
        ("", "", "", "neither an object nor a receipt is named"),
        ("a/b/c/d", "", "", "'a/b/c/d' names no object"),
        ("a//c", "", "", "'a//c' names no object"),
        ("/llama", "", "", "'/llama' names no object"),
        ("Llama", "", "", "'Llama' is no name"),
        ("llama,kind=Pod", "", "", "'llama,kind=Pod' is no name"),
        ("model_s/llama", "", "", "'model_s' is no namespace"),
        ("models/models/llama", "other", "", "models/models/llama is in namespace models, and --namespace says other"),
        ("", "", "0a1", "'0a1' is no receipt"),
        ("", "", "md5:0a1b", "'md5:0a1b' is no receipt"),
    ],
)
def test_what_names_nothing(text: str, namespace: str, receipt: str, why: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        subject_of(text, namespace=namespace, receipt=receipt)
    assert error.value.message == why


def test_how_it_is_called_in_a_message() -> None:
    assert str(Subject(kind="ModelDeployment", namespace="models", name="llama")) == "ModelDeployment models/llama"
    assert str(Subject(kind="pod", name="llama", receipt="sha256:0a1b")) == "pod llama with receipt sha256:0a1b"
