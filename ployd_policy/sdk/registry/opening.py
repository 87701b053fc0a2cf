"""Opens MLflow's client: quiet, with limits on how long it waits, and on tables that are whole.

MLflow would otherwise report its use over the network, wait for minutes, and change the tables of whatever database it
is shown; here it makes tables in an empty database only, one process at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.sdk.interface import SdkError
from ployd_policy.sdk.registry.address import Address

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from sqlalchemy import Connection, Engine

_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # what goes wrong comes as an exception, and its log shows SQL
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds; MLflow's own 120, seven times over
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "PGCONNECT_TIMEOUT": "10",
}
"""Set where the environment does not say otherwise; MLflow has no other way to be told."""

_NEEDED = ("mlflow",)
_NEEDED_FOR_A_DATABASE = ("alembic", "sqlalchemy")
_LOCK = 0x706C6F7964
"""Any number that nobody else locks in such a database."""


def require_installed(address: Address) -> None:
    """Look for what the `registry` extra installs, without importing it.

    Raises:
        ConfigurationError: it is not installed.

    """
    driver = ("psycopg",) if address.uri.startswith("postgresql") else ()
    needed = (*_NEEDED, *(_NEEDED_FOR_A_DATABASE if address.is_database else ()), *driver)
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"the model registry needs the package {', '.join(missing)}",
            remedy="pip install 'ployd-policy[registry]'",
        )


def open_client(address: Address, *, create: bool) -> MlflowClient:
    """MLflow's client for a registry. It blocks, and its imports take a second or two.

    Args:
        address: where it is.
        create: whether an empty database becomes a registry; otherwise it is an error.

    Raises:
        SdkError: there is no registry, or it cannot be reached.

    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    with errors_of(address):
        from mlflow import MlflowClient  # noqa: PLC0415 - see above

        if address.is_database:
            _see_to_tables(address, create=create)
        return MlflowClient(tracking_uri=address.uri, registry_uri=address.uri)


@contextlib.contextmanager
def errors_of(address: Address) -> Iterator[None]:
    """What MLflow and the libraries under it raise, as an error of the SDK."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - see above

    try:
        yield
    except MlflowException as error:
        raise _told(address, error.message, retryable=error.error_code in _PASSING) from None
    except (SdkError, ConfigurationError):
        raise
    except Exception as error:  # noqa: BLE001 - SQLAlchemy's, a driver's, requests', urllib3's, the system's
        kind = type(error).__name__
        raise _told(address, f"{kind}: {error}", retryable=kind not in _LASTING) from None


# Of MLflow's codes, those after which the same call may go well. INTERNAL_ERROR is also what a lost connection is.
_PASSING = frozenset(
    {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "DEADLINE_EXCEEDED", "REQUEST_LIMIT_EXCEEDED"}
    | {"RESOURCE_EXHAUSTED", "ABORTED", "CANCELLED", "RESOURCE_CONFLICT"}
)


# Of other errors, those after which it does not: what is there is no registry, or not for us.
_LASTING = frozenset(
    {"ArgumentError", "DatabaseError", "ProgrammingError", "UnsupportedCompilationError"}
    | {"FileNotFoundError", "IsADirectoryError", "NotADirectoryError", "PermissionError", "TypeError", "ValueError"}
)
# SQLAlchemy adds the statement and where to read more; urllib3 what it tried before it says why.
_ASIDE = re.compile(r"\s*\[SQL: .*|\s*\(Background on this error at: .*", re.DOTALL)
_CAUSE = re.compile(r".*\(Caused by (.*)\)", re.DOTALL)


def _told(address: Address, text: str, *, retryable: bool) -> SdkError:
    cause = _CAUSE.match(text)
    reason = cause[1] if cause else _ASIDE.sub("", text)
    return SdkError(f"model registry {address.shown}: {address.without_secrets(reason)}", retryable=retryable)


def _see_to_tables(address: Address, *, create: bool) -> None:
    """Connect once, so that a server which is not there is told at once; then see that the tables are whole."""
    import sqlalchemy  # noqa: PLC0415 - see above

    if address.file is not None:
        if not create and not address.file.exists():
            raise _no_registry(address)
        address.file.parent.mkdir(parents=True, exist_ok=True)
    engine = sqlalchemy.create_engine(address.uri, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        if sqlalchemy.inspect(connection).get_table_names():
            with _alone(address, connection):
                pass  # whoever is making tables now has made them all then
        elif not create:
            raise _no_registry(address)
        else:
            with _alone(address, connection):
                _make_tables(engine)
    if _revision(engine) != _newest_revision():
        raise SdkError(
            f"model registry {address.shown}: its tables are of another version of MLflow than the one installed here; "
            "ask its tracking server instead, or back it up and run `mlflow db upgrade`",
            retryable=False,
        )


# MLflow has nothing public for these; its version is bounded in pyproject.toml.


def _revision(engine: Engine) -> object:
    from mlflow.store.db import utils  # noqa: PLC0415 - see above

    return utils._get_schema_version(engine)  # type: ignore[no-untyped-call]  # noqa: SLF001


def _newest_revision() -> object:
    from mlflow.store.db import utils  # noqa: PLC0415 - see above

    return utils._get_latest_schema_revision()  # type: ignore[no-untyped-call]  # noqa: SLF001


def _make_tables(engine: Engine) -> None:
    import sqlalchemy  # noqa: PLC0415 - see above
    from mlflow.store.db import utils  # noqa: PLC0415 - see above

    if not sqlalchemy.inspect(engine).get_table_names():
        utils._initialize_tables(engine)  # type: ignore[no-untyped-call]  # noqa: SLF001


@contextlib.contextmanager
def _alone(address: Address, connection: Connection) -> Iterator[None]:
    """Hold the one lock under which tables are made."""
    if address.file is not None:
        folder = os.open(address.file.parent, os.O_RDONLY)  # a folder, so that no lock file stays
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)
        return
    import sqlalchemy  # noqa: PLC0415 - see above

    connection.execute(sqlalchemy.text(f"SELECT pg_advisory_xact_lock({_LOCK})"))  # until the connection closes
    yield


def _no_registry(address: Address) -> SdkError:
    return SdkError(
        f"model registry {address.shown}: there is none yet; `ployd-policy register-model` makes it", retryable=True
    )
