"""What the terminal is told: bytes out, colour where wanted. No judging, no formatting."""

from __future__ import annotations

import os
import sys

from ployd_policy.model.errors import ConfigurationError

_AUTO = "auto"


def wants_color(choice: str = _AUTO) -> bool:
    """Whether to colour standard output: as asked, else on a terminal unless NO_COLOR is set (no-color.org)."""
    if choice != _AUTO:
        return choice == "always"
    return not os.environ.get("NO_COLOR") and sys.stdout is not None and sys.stdout.isatty()


def put(text: str) -> None:
    """Print `text` as it is. Names of files need not be text; they are shown escaped rather than failing half way."""
    if sys.stdout is None:
        raise ConfigurationError("standard output is closed")
    try:
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # Python would try once more at exit, and complain in its own words.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise ConfigurationError(f"cannot write standard output: {error.strerror}") from error


def printable(text: str) -> str:
    """No control character of a file name or message reaches the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)
