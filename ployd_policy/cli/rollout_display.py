"""A rollout as somebody watches it: coloured lines of a plan, a line for each result, a bar on a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from ployd_policy.cli.terminal import printable
from ployd_policy.rollout.run import Progress as State
from ployd_policy.rollout.run import Result
from ployd_policy.rollout.text import Line, result_line

_STYLES = {"add": "32", "take": "31", "head": "1", "note": "2", "good": "1;32", "bad": "1;31"}
_BESIDE = 60
"""Characters beside the bar."""
_ENDED = frozenset({State.HEALTHY, State.REMOVED, State.FAILED, State.LATE, State.HELD, State.UNKNOWN})


def shown(lines: Iterable[Line], *, color: bool) -> str:
    """Lines as text, with nothing in them that a terminal obeys but our own colours."""
    told = "".join(f"{_painted(style, printable(line), color=color)}\n" for style, line in lines)
    # GitHub's runner obeys `##[command]` anywhere in a line of the log, so a manifest could speak to it.
    return told.replace("##[", "##\\x5b")


def _painted(style: str, line: str, *, color: bool) -> str:
    return f"\x1b[{_STYLES[style]}m{line}\x1b[0m" if color and style in _STYLES and line else line


@dataclass(slots=True)
class Display:
    """On standard error: standard output is the report's."""

    total: int
    _bar: Progress = field(init=False)
    _progress: dict[str, State] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Nothing is drawn yet."""
        self._bar = Progress(
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
            console=Console(stderr=True, highlight=False),
            transient=True,
        )
        self._bar.add_task("rolling out", total=self.total)

    def __enter__(self) -> None:
        """Draw a bar on a terminal."""
        if self._bar.console.is_terminal:
            self._bar.start()

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Take it away."""
        if self._bar.live.is_started:
            self._bar.stop()

    def tell(self, result: Result) -> None:
        """A line for each step that got further; why one is not yet healthy stands beside the bar."""
        name = str(result.step.ref)
        style, line = result_line(result)
        if self._progress.get(name) is not result.progress:
            self._progress[name] = result.progress
            self._bar.console.print(Text(printable(line), style="bold red" if style == "bad" else ""), soft_wrap=True)
        ended = sum(progress in _ENDED for progress in self._progress.values())
        said = printable(f"{result.step.ref.name} {result.message}".strip())[:_BESIDE]
        self._bar.update(self._bar.task_ids[0], completed=ended, description=said)
