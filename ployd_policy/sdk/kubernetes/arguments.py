"""The command line of a vLLM server, for the version that runs. It refuses what that version does not know."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.sdk.kubernetes.model import VLLM, Model
from ployd_policy.sdk.kubernetes.probes import Stop, serving_port
from ployd_policy.sdk.kubernetes.source import Source

_EXTRA = "extraArgs"
_NAMES = "served_model_name"
_SHUTDOWN = "shutdown_timeout"
# Flags a version does not have; it would end with "unrecognized arguments".
_UNUSABLE = {"removed": "has no {} any more", "later": "has no {} yet", "unknown": "has no {}"}


def command_line(model: Model, source: Source, stop: Stop) -> list[str]:
    """The arguments behind the program: the model, its names and port, the settings of the SDK's call, then extraArgs.

    Raises:
        ConfigurationError: a setting that this version or this kind of server cannot have.

    """
    _require_one_pod(model)
    _require_known(model)
    settings = dict(model.call.get("framework_config", {}).get(VLLM, {}))
    extra = list(settings.pop(_EXTRA, ()))
    names = settings.pop(_NAMES, None) or [model.at("model", "name") or model.name]
    settings.pop(_SHUTDOWN, None)
    words = [source.argument, *_served(model, names), f"--port={serving_port(model)}"]
    for name, value in settings.items():
        words += _words(model, name, value)
    for field, flag in (("revision", "--revision"), ("codeRevision", "--code-revision")):
        if model.at("model", field) is not None:
            words.append(f"{flag}={model.at('model', field)}")
    words += _request_defaults(model)
    if stop.shutdown is not None:
        words.append(f"--shutdown-timeout={stop.shutdown}")
    # Kubernetes puts variables in place of $(NAME); in a value that was written as a value it is meant as it stands.
    return [*(word.replace("$(", "$$(") for word in words), *extra]


def _served(model: Model, names: list[str]) -> list[str]:
    if any(name.startswith("-") for name in names):
        raise ConfigurationError(
            f"{model.ref}: a served_model_name that begins with a dash is read as a flag", remedy="Name it otherwise."
        )
    return [f"--served-model-name={names[0]}"] if len(names) == 1 else ["--served-model-name", *names]


def _words(model: Model, name: str, value: Any) -> Iterator[str]:
    flag = name.replace("_", "-")
    if value is True:
        yield f"--{flag}"
    elif value is False:
        if name not in model.choice(VLLM, "offByDefault"):
            yield f"--no-{flag}"
    else:
        yield f"--{flag}={value}"


def _request_defaults(model: Model) -> Iterator[str]:
    """Defaults of requests, under vLLM's names. It leaves out unknown ones without a word, so they are refused here."""
    written: Mapping[str, Any] = model.at("model", "parameters") or {}
    names: Mapping[str, str] = model.choice(VLLM, "requestDefaults", "names")
    other = [name for name in written if name not in names]
    if other:
        raise ConfigurationError(
            f"{model.ref}: vLLM takes no default of {', '.join(other)} for its requests",
            remedy=f"Let clients send it, and remove it from spec.model.parameters; vLLM takes {', '.join(names)}.",
        )
    if written:
        value = {names[name]: number for name, number in written.items()}
        yield f"--{model.choice(VLLM, 'requestDefaults', 'flag')}={json.dumps(value, separators=(',', ':'))}"


def _require_known(model: Model) -> None:
    """Refuse arguments that the version surely does not have."""
    version = model.facts["version"]["text"]
    for argument in model.facts["arguments"]:
        fault = _UNUSABLE.get(argument["status"])
        if fault is not None:
            raise ConfigurationError(
                f"{model.ref}: vLLM {version} {fault.format('--' + argument['flag'])}",
                remedy="Remove the setting, or use an image whose version has it.",
            )


def _require_one_pod(model: Model) -> None:
    """Refuse copies of the engine in other pods: pods of a Deployment do not know each other."""
    copies, local = model.at("model", VLLM, "data_parallel_size"), model.at("model", VLLM, "data_parallel_size_local")
    if local is not None and local != copies:
        raise ConfigurationError(
            f"{model.ref}: of {copies} copies of the engine {local} are in a pod, and pods do not find each other",
            remedy="Run all copies in one pod (leave data_parallel_size_local out), or scale by replicas.",
        )
