"""The simple commands of a container's command line, those inside the script of a shell too.

It follows quotes, comments, separators and continued lines; it expands nothing and runs nothing.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from ployd_policy.serving.server import Written

_SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh", "ksh"})
_SEPARATORS = ";&|<>()\n"
_SCRIPT = re.compile(r"-[a-z]*c[a-z]*")
_CAREFUL = 64 * 1024
"""Signs of a script that is read sign by sign; a longer one is cut at its lines and separators, whatever is quoted."""


def commands(written: Sequence[Written]) -> list[list[Written]]:
    """The simple commands, each as its words. Without a shell the words are one command."""
    words = [word for word in written if word.text]
    for number, word in enumerate(words[:-2]):
        if word.text.rsplit("/", 1)[-1] in _SHELLS and _SCRIPT.fullmatch(words[number + 1].text):
            return [_placed(parts, words[number + 2 :]) for parts in _simple(words[number + 2].text)]
    return [words]


def _placed(parts: Sequence[str], script: Sequence[Written]) -> list[Written]:
    """A command's words with their places; `$@` stands for what follows the script and its name."""
    placed: list[Written] = []
    for part in parts:
        placed += script[2:] if part == "$@" else [Written(value=part, path=script[0].path)]
    return placed


def _simple(script: str) -> Iterator[list[str]]:
    joined = script.replace("\\\r\n", " ").replace("\\\n", " ")
    joined = re.sub(r"(?<=\s)\d(?=[<>])", "", joined)  # the stream of a redirection is no word
    if len(joined) > _CAREFUL:
        yield from (line.split() for line in re.split(r"[;&|<>()\n]", re.sub(r"(?m)(^|\s)#.*$", "", joined)))
        return
    try:
        tokens = list(_tokens(joined))
    except ValueError:  # an open quote: read on without quotes rather than not at all
        tokens = re.findall(r"[;&|<>()\n]+|[^\s;&|<>()]+", joined)
    command: list[str] = []
    comment = False
    for token in tokens:
        if not set(token) <= set(_SEPARATORS):
            comment = comment or token.startswith("#")
            if not comment:
                command.append(token)
            continue
        comment = comment and "\n" not in token
        yield command
        command = []
    yield command


def _tokens(script: str) -> Iterator[str]:
    lexer = shlex.shlex(script, posix=True, punctuation_chars=_SEPARATORS)
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    yield from lexer
