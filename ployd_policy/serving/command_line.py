"""The command line of a vLLM server: which settings it makes, each with its place. It knows no version's flags.

Words are read as vLLM's parser reads them: `--flag value`, `--flag=value`, `_` for `-`, `--no-flag`, the short names.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ployd_policy.serving.server import Argument, Written, text

# vLLM 0.33.0, engine/arg_utils.py: short names of flags, and the alias of one.
_SHORT = {
    "-tp": "tensor-parallel-size",
    "-pp": "pipeline-parallel-size",
    "-dp": "data-parallel-size",
    "-dpl": "data-parallel-size-local",
    "-pcp": "prefill-context-parallel-size",
    "-dcp": "decode-context-parallel-size",
    "-q": "quantization",
    "--device-memory-utilization": "gpu-memory-utilization",
}
_SHELLS = frozenset({"sh", "bash", "ash", "dash"})
_MODULE = re.compile(r"vllm\.entrypoints\.(openai\.)?api_server")
# vLLM utils: human_readable_int; lower-case letters are powers of 1000, upper-case ones of 1024.
_SUFFIXES = {"k": 10**3, "m": 10**6, "g": 10**9, "K": 2**10, "M": 2**20, "G": 2**30}
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_HUMAN = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)([kmgKMG])")
_FRACTION = re.compile(r"[+-]?(\d{1,18}\.\d{0,18}|\.\d{1,18})")
_LONGEST = 64 * 1024
"""Signs of a shell script that is looked at; a longer one is no command line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """What a command line says: settings by snake_case name, and every flag in its order."""

    runs_vllm: bool
    settings: dict[str, Written]
    arguments: tuple[Argument, ...]


def read(command: Sequence[Written], arguments: Sequence[Written]) -> CommandLine:
    """The command line of a container with this command (entrypoint) and these arguments.

    Where neither runs vLLM the image's entrypoint may (`vllm serve`): the arguments are read as its own, and
    `runs_vllm` is False.
    """
    words = list(_words([*command, *arguments]))
    start = _after_vllm(words)
    rest = words[start or 0 :]
    if start is None and rest and rest[0].text == "serve":
        rest = rest[1:]
    found = flags(rest)
    if rest and not rest[0].text.startswith("-"):  # `vllm serve MODEL`
        found.settings["model"] = rest[0]
    return CommandLine(runs_vllm=start is not None, settings=found.settings, arguments=found.arguments)


def flags(words: Sequence[Written]) -> CommandLine:
    """The flags among words, the last of equal ones winning, as vLLM's parser has it."""
    settings: dict[str, Written] = {}
    found: list[Argument] = []
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        flag, value = _flag(word)
        if flag is None:
            continue
        if value is None and position < len(words) and not _is_flag(words[position].text):
            value = words[position].text
            position += 1
        found.append(Argument(flag=flag, path=word.path))
        off = flag.startswith("no-") and value is None
        name = (flag[3:] if off else flag).replace("-", "_")
        settings[name] = Written(value=False if off else parsed(value), path=word.path)
    return CommandLine(runs_vllm=False, settings=settings, arguments=tuple(found))


def parsed(value: str | None) -> Any:
    """A value of a flag: a number where it is one (8k and 8K too), true for a bare flag, else the text."""
    if value is None or value.lower() == "true":
        return True
    if value.lower() == "false":
        return False
    if _WHOLE.fullmatch(value):
        return int(value)
    if _FRACTION.fullmatch(value):
        return float(value)
    if human := _HUMAN.fullmatch(value):
        return int(float(human[1]) * _SUFFIXES[human[2]])
    return value


def _words(written: Sequence[Written]) -> Iterator[Written]:
    """Words as the server gets them; the script of a shell is split into its words."""
    shell = any(text(word.value).rsplit("/", 1)[-1] in _SHELLS for word in written[:2])
    for word in written:
        line = text(word.value)
        if shell and len(line) <= _LONGEST and re.search(r"\s", line):
            for part in _split(line):
                yield Written(value=part, path=word.path)
        elif line:
            yield Written(value=line, path=word.path)


def _split(line: str) -> list[str]:
    script = line.replace("\\\n", " ")
    try:
        return shlex.split(script, comments=True)
    except ValueError:  # an open quote: read on without quotes rather than not at all
        return script.split()


def _after_vllm(words: Sequence[Written]) -> int | None:
    """Index of the first word behind `vllm serve` or the module of the API server; None where neither is there."""
    for number, word in enumerate(words):
        line = word.text
        if _MODULE.fullmatch(line):
            return number + 1
        if line.rsplit("/", 1)[-1] == "vllm" and number + 1 < len(words) and words[number + 1].text == "serve":
            return number + 2
    return None


def _is_flag(word: str) -> bool:
    return word.startswith("--") or word.split("=", 1)[0] in _SHORT


def _flag(word: Written) -> tuple[str | None, str | None]:
    """The flag's name with dashes and its value, None where it has none; no name for a word that is no flag."""
    line = word.text
    if not _is_flag(line):
        return None, None
    name, equals, value = line.partition("=")
    # `--compilation-config.mode=3` sets one key of a flag's mapping.
    name = name.partition(".")[0].replace("_", "-")
    flag = _SHORT.get(name, name.removeprefix("--"))
    return (flag or None), (value if equals else None)
