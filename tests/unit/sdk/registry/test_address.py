"""URIs of registries: which there are, how they are told, and that a password is in no message."""

from pathlib import Path

import pytest

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.sdk.registry.address import address, embedded_uri


@pytest.mark.parametrize(
    ("uri", "shown", "file"),
    [
        ("sqlite:///registry.db", "sqlite:///registry.db", "registry.db"),
        ("sqlite:////var/lib/registry.db", "sqlite:////var/lib/registry.db", "/var/lib/registry.db"),
        ("sqlite:////var/a@b.db?timeout=3", "sqlite:////var/a@b.db", "/var/a@b.db"),
        ("postgresql://u:s3cret@db:5432/registry?connect_timeout=3", "postgresql://db:5432/registry", None),
        ("postgresql+psycopg://u@db/registry", "postgresql+psycopg://db/registry", None),
        ("postgresql:///registry?host=/run/postgresql", "postgresql:///registry", None),
        ("https://u:s3cret@mlflow.example:5000/base", "https://mlflow.example:5000/base", None),
        ("http://t0ken@mlflow:5000", "http://mlflow:5000", None),
    ],
)
def test_a_uri_is_told_without_user_and_query(uri, shown, file):
    where = address(uri)
    assert where.shown == shown
    assert where.file == (Path(file) if file else None)
    assert where.is_database is not uri.startswith("http")


@pytest.mark.parametrize(
    ("uri", "asked"),
    [
        ("http://h", "http://h"),
        ("sqlite:///f", "sqlite:///f"),
        ("postgresql://h/d", "postgresql://h/d?tcp_user_timeout=20000"),
        ("postgresql://h/d?sslmode=require", "postgresql://h/d?sslmode=require&tcp_user_timeout=20000"),
        ("postgresql://h/d?tcp_user_timeout=5", "postgresql://h/d?tcp_user_timeout=5"),
    ],
)
def test_a_connection_to_postgresql_does_not_wait_for_long(uri, asked):
    assert address(uri).uri == asked


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("", "has no scheme that is known"),
        ("registry.db", "has no scheme that is known"),
        ("mysql://u:s3cret@h/d", "has no scheme that is known"),
        ("postgresql+psycopg2://u:s3cret@h/d", "has no scheme that is known"),
        ("databricks", "has no scheme that is known"),
        ("sqlite://", "names no file"),
        ("sqlite:///", "names no file"),
        ("postgresql://u:s3@cret@h/d", "holds a character that divides URIs"),
        ("postgresql://u:s3/cret@h/d", "holds a character that divides URIs"),
        ("http://", "names no host"),
        ("postgresql:///d", "names no host"),
    ],
)
def test_another_uri_is_refused_and_not_repeated(uri, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        address(uri)
    assert "cret" not in caught.value.message + caught.value.remedy


@pytest.mark.parametrize(
    ("uri", "text", "told"),
    [
        ("postgresql://u:s3%2Fcret@h/d", "no s3/cret nor s3%2Fcret", "no *** nor ***"),
        ("http://u:s3cret@h", "GET http://u:s3cret@h/api failed", "GET http://***@h/api failed"),
        ("http://t0ken@h", "GET http://t0ken@h/api failed", "GET http://***@h/api failed"),
        ("postgresql://h/d?user=ann&password=s3cret", "user=ann&password=s3cret", "user=ann&password=***"),
        ("postgresql://h/d?sslpassword=s3cret", "sslpassword s3cret", "sslpassword ***"),
        ("postgresql://ann@h/d", "no role ann", "no role ann"),
        ("postgresql://h/d", "two\n  lines\n", "two lines"),
    ],
)
def test_what_a_library_says_is_told_without_what_is_secret(uri, text, told):
    assert address(uri).without_secrets(text) == told


def test_what_a_library_says_has_an_end():
    assert len(address("http://h").without_secrets("x" * 10_000)) == 400


def test_a_uri_with_a_password_is_not_part_of_its_representation():
    assert "s3cret" not in repr(address("postgresql://u:s3cret@h/d"))


@pytest.mark.parametrize(
    ("environ", "uri"),
    [
        ({}, "sqlite:////home/ann/.local/share/ployd-policy/registry.db"),
        ({"XDG_DATA_HOME": "/data"}, "sqlite:////data/ployd-policy/registry.db"),
        ({"XDG_DATA_HOME": "relative"}, "sqlite:////home/ann/.local/share/ployd-policy/registry.db"),
    ],
)
def test_the_registry_of_a_person_is_a_file_where_xdg_says(environ, uri):
    assert embedded_uri(environ, Path("/home/ann")) == uri
