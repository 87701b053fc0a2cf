"""The audit trail as append-only JSON lines: writing, and finding what happened to one object. It judges nothing."""

from ployd_policy.trail.file import TrailFile, Trails, TrailStream, open_trail, read_lines
from ployd_policy.trail.history import History, history_of
from ployd_policy.trail.lines import fields
from ployd_policy.trail.subject import Subject, subject_of

__all__ = [
    "History",
    "Subject",
    "TrailFile",
    "TrailStream",
    "Trails",
    "fields",
    "history_of",
    "open_trail",
    "read_lines",
    "subject_of",
]
