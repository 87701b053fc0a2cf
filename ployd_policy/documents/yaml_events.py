"""The events of libyaml, what its complaints mean, and what it lets through that Kubernetes does not."""

from __future__ import annotations

import re
from collections.abc import Callable

import yaml
from yaml.events import Event, ScalarEvent, StreamEndEvent
from yaml.reader import ReaderError

from ployd_policy.documents.problem import Problem, UnreadableError
from ployd_policy.model.errors import ConfigurationError

try:
    from yaml._yaml import CParser
except ImportError:  # PyYAML was built without libyaml
    CParser = None  # type: ignore[assignment,misc]

_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MISLEADING = re.compile("[\x85\u2028\u2029\ufeff]|\r(?!\n)")
_REMEDIES = (
    ("mapping values are not allowed", "Quote the text if it holds `: `, or correct the indentation of this line."),
    ("cannot start any token", "Indent with spaces, not tabs; quote a text that begins with @, ` or %."),
    ("could not find expected ':'", "Correct the indentation of this line, or add the missing `:` after the key."),
    ("did not find expected key", "Bring this line to the indentation of the keys it belongs to."),
    ("did not find expected '-' indicator", "Bring this line to the indentation of the list it belongs to."),
    ("did not find expected ',' or", "Close the bracket, or put a comma between the entries."),
    ("unexpected end of stream", "Close the quote that is opened here."),
    ("unknown escape character", "Use single quotes, or double the backslash."),
    ("undefined tag handle", "Remove the tag, or quote the text that begins with `!`."),
    ("expected <document start>", "Remove the line that begins with %."),
)


def event_source(text: str) -> Callable[[], Event]:
    """A function that gives the next event of `text` at each call.

    Raises:
        ConfigurationError: PyYAML has no libyaml here; the pure Python reader is too slow and differs.
        UnreadableError: from the returned function, at the first thing that is no YAML.
    """
    if CParser is None:
        raise ConfigurationError(
            "PyYAML was installed without libyaml, which reads YAML for ployd-policy",
            remedy="Install a wheel of PyYAML, or build it with the libyaml headers (Debian: libyaml-dev).",
        )
    source: Callable[[], Event] = CParser(text).get_event  # type: ignore[assignment]
    return source


def check_breaks(text: str) -> None:
    """Refuse the characters that end a line for one reader only: what an editor shows as a comment may be a field.

    Raises:
        UnreadableError: U+0085, U+2028, U+2029, a byte order mark, or a carriage return without a line feed.
    """
    if text.isascii() and "\r" not in text:
        return
    found = _MISLEADING.search(text)
    if found is not None:
        start = found.start()
        message = f"the character U+{ord(found[0]):04X} ends a line for some readers and is invisible to others"
        remedy = "Remove it; end lines with a line feed."
        raise UnreadableError(Problem(rule="yaml.encoding", message=message, start=start, end=start + 1, remedy=remedy))


def complaint(error: yaml.YAMLError, text: str) -> UnreadableError:
    """The finding for what libyaml refused."""
    if isinstance(error, ReaderError) or not isinstance(error, yaml.MarkedYAMLError):
        return _bad_character(text)
    mark = error.problem_mark or error.context_mark
    if error.problem is not None and "<document start>" in error.problem and not text.lstrip().startswith("%"):
        return UnreadableError(dropped_text(mark.index if mark else 0))
    start = min(mark.index if mark else 0, len(text))
    said = error.problem or error.context or "this is no YAML"
    context = f" {error.context}" if error.context and error.context_mark is not None and error.problem else ""
    remedy = next((remedy for part, remedy in _REMEDIES if part in f"{said}{context}"), "")
    if context and error.context_mark is not None and error.context_mark.index < start:
        first = error.context_mark.index
    else:
        first = None
    return UnreadableError(
        Problem(rule="yaml.syntax", message=f"{said}{context}", start=start, end=start, remedy=remedy, first=first)
    )


def dropped_text(start: int) -> Problem:
    """The problem of text after the end of a document."""
    return Problem(
        rule="yaml.separator",
        message="the document has ended before this; kubectl ignores the rest without a word",
        start=start,
        end=start,
        remedy="Separate documents with a line of `---`, and remove `...`.",
    )


def slash_escapes(text: str) -> list[Problem]:
    """Every escaped slash in double quotes: libyaml reads it, the reader of Kubernetes does not."""
    next_event = event_source(text)
    problems: list[Problem] = []
    while not isinstance(event := next_event(), StreamEndEvent):
        if not isinstance(event, ScalarEvent) or event.style != '"' or not event.start_mark or not event.end_mark:
            continue
        start = event.start_mark.index
        for escape in re.finditer(r"\\(.)", text[start : event.end_mark.index]):
            if escape[1] == "/":
                place = start + escape.start()
                message = "\\/ is no escape in YAML 1.1, which Kubernetes reads"
                problems.append(
                    Problem(rule="yaml.syntax", message=message, start=place, end=place + 2, remedy="Write / alone.")
                )
    return problems


def _bad_character(text: str) -> UnreadableError:
    found = _FORBIDDEN.search(text)
    start = found.start() if found else 0
    character = f"the character U+{ord(found[0]):04X}" if found else "a control character"
    return UnreadableError(
        Problem(
            rule="yaml.encoding",
            message=f"{character} is not allowed in YAML",
            start=start,
            end=start + 1,
            remedy="Remove it, or write it as an escape in double quotes.",
        )
    )
