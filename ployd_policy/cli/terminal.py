"""What the terminal is told: bytes out, colour where wanted. No judging, no formatting."""

from __future__ import annotations

import os
import sys

_AUTO = "auto"


def wants_color(choice: str = _AUTO) -> bool:
    """Whether to colour standard output: as asked, else on a terminal unless NO_COLOR is set (no-color.org)."""
    if choice != _AUTO:
        return choice == "always"
    return not os.environ.get("NO_COLOR") and sys.stdout.isatty()


def put(text: str) -> None:
    """Print `text` as it is. Names of files need not be text; they are shown escaped rather than failing half way."""
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()
