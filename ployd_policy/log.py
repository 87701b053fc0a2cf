"""The log: JSON, one line an event, on standard output. It writes; whoever calls decides what.

A line names objects, users and rules and never holds a part of an object; what comes from an error is searched for
secrets all the same.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import Any

import structlog

_SECRET = re.compile(
    # Not in the middle of a word: `risk-scoring-model` is a name.
    r"(?<![A-Za-z0-9])(?:hf_[A-Za-z0-9]{8,}|sk-[A-Za-z0-9_-]{8,})|gh[pousr]_[A-Za-z0-9]{8,}|AKIA[A-Z0-9]{8,}"
    r"|eyJ[\w-]{8,}\.[\w-]+\.[\w-]*|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|(?i:bearer\s+[\w.~+/-]{8,})|(?i:(?:password|token|secret|api[_-]?key)\s*[=:]\s*\S+)"
)
_SIGNS = (
    *("hf_", "sk-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "akia", "eyj", "-----begin"),
    *("bearer", "password", "token", "secret", "api", "\\u"),
)
"""A line of JSON without any of these, in small letters, holds nothing that `_SECRET` finds; most lines have none.

The last stands for what is not ASCII: there are letters that count as others where case does not.
"""
_HIDDEN = "[redacted]"
_dumps = json.JSONEncoder(separators=(",", ":"), default=str).encode


def redact(value: Any) -> Any:
    """`value` without what looks like a secret, in strings, lists and mappings."""
    if isinstance(value, str):
        return _SECRET.sub(_HIDDEN, value)
    if isinstance(value, dict):
        return {key: redact(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact(item) for item in value]
    return value


def _line(_logger: Any, _method: str, event: structlog.typing.EventDict) -> bytes:
    """The event as JSON. Searching every text of every decision took half of what a line costs."""
    line = _dumps(event)
    folded = line.lower()
    return (_dumps(redact(event)) if any(sign in folded for sign in _SIGNS) else line).encode()


def configure(level: str) -> structlog.typing.FilteringBoundLogger:
    """The server's logger."""
    logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.BytesLogger(sys.stdout.buffer),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
    ).bind()  # once; what is not bound binds itself anew at every line
    return logger
