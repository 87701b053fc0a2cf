"""The command line of a vLLM server: which settings it makes, each with its place. It knows no version's flags.

Words are read as vLLM's parser reads them: `--flag value`, `--flag=value`, `_` for `-`, `--no-flag`, the short names.
What a shell makes of a script is `shell`'s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ployd_policy.serving import shell
from ployd_policy.serving.server import Argument, Written

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
_SERVER = re.compile(r"vllm\.entrypoints\.(openai\.)?api_server|(.*/)?vllm/entrypoints/(openai/)?api_server\.py")
_PROGRAM = re.compile(r"(.*/)?vllm|vllm\.entrypoints\.cli\.main")
# Flags that stand alone, by how vLLM names them; older versions also took true and false behind some.
_BARE = re.compile(
    r"(no|enable|disable|enforce|trust|skip|use|return|show|fully|exclude|async|calculate)-.*|headless|language-model-only"
)
_NOT_BARE = frozenset({"disable-access-log-for-endpoints"})
# Flags that take every word up to the next flag; the first one counts here.
_MANY = frozenset({"served-model-name", "lora-modules", "ssl-ciphers", "middleware", "cudagraph-capture-sizes"})
# vLLM utils: human_readable_int; lower-case letters are powers of 1000, upper-case ones of 1024.
_SUFFIXES = {"k": 10**3, "m": 10**6, "g": 10**9, "K": 2**10, "M": 2**20, "G": 2**30}
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_HUMAN = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)([kmgKMG])")
_FRACTION = re.compile(r"[+-]?(\d{1,18}\.\d{0,18}|\.\d{1,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """What a command line says: settings by snake_case name, and every flag in its order."""

    settings: dict[str, Written]
    arguments: tuple[Argument, ...]


def servers(command: Sequence[Written], arguments: Sequence[Written]) -> list[CommandLine]:
    """The command lines of the vLLM servers that a container with this entrypoint and these arguments starts."""
    found = []
    for words in shell.commands([*command, *arguments]):
        for number, word in enumerate(words):
            if _SERVER.fullmatch(word.text):
                found.append(flags(words[number + 1 :]))
                break
            serves = number + 1 < len(words) and words[number + 1].text == "serve"
            if serves and _PROGRAM.fullmatch(word.text):
                found.append(served(words[number + 2 :]))
                break
    return found


def of_image(arguments: Sequence[Written]) -> CommandLine:
    """The command line that arguments make for an image whose own entrypoint is vLLM."""
    words = [word for word in arguments if word.text]
    return served(words[1:] if words and words[0].text == "serve" else words)


def served(words: Sequence[Written]) -> CommandLine:
    """What stands behind `vllm serve`: flags, and the model as the first word that belongs to none."""
    free: list[Written] = []
    found = flags(words, free)
    if free:
        found.settings["model"] = free[0]
    return found


def flags(words: Sequence[Written], free: list[Written] | None = None) -> CommandLine:
    """The flags among words, the last of equal ones winning, as vLLM's parser has it; other words go into `free`."""
    settings: dict[str, Written] = {}
    found: list[Argument] = []
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        flag, value = _flag(word)
        if flag is None:
            if free is not None and word.text and not word.text.startswith("-"):
                free.append(word)
            continue
        behind = words[position].text if position < len(words) else ""
        if value is None and _belongs(flag, behind):
            value = behind
            position += 1
            while flag in _MANY and position < len(words) and not _is_flag(words[position].text):
                position += 1
        found.append(Argument(flag=flag, path=word.path))
        off = flag.startswith("no-") and value is None
        name = (flag[3:] if off else flag).replace("-", "_")
        settings[name] = Written(value=False if off else parsed(value), path=word.path)
    return CommandLine(settings=settings, arguments=tuple(found))


def _belongs(flag: str, behind: str) -> bool:
    """Whether the word behind a flag is its value."""
    if not behind or _is_flag(behind):
        return False
    return not _BARE.fullmatch(flag) or flag in _NOT_BARE or behind.lower() in {"true", "false"}


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
