"""What a tree of processes takes: memory with shared pages counted once, and seconds of CPU."""

import os
import threading
from pathlib import Path
from typing import Self

_TICKS = os.sysconf("SC_CLK_TCK")
_EVERY_S = 0.1


class Peak(threading.Thread):
    """Samples the memory of a tree until it is told to stop; `mib` is the most that was seen."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._stop_it = threading.Event()
        self.mib = 0.0

    def __enter__(self) -> Self:
        """Begin."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Sample a last time and end."""
        self._stop_it.set()
        self.join()
        self.mib = max(self.mib, memory_mib(self._process))

    def run(self) -> None:
        """Sample."""
        while not self._stop_it.wait(_EVERY_S):
            self.mib = max(self.mib, memory_mib(self._process))


def family(process: int) -> list[int]:
    """A process and its descendants."""
    found = [process]
    for parent in found:
        try:
            for task in Path(f"/proc/{parent}/task").iterdir():
                found.extend(map(int, (task / "children").read_text(encoding="ascii").split()))
        except OSError:
            continue  # it ended meanwhile
    return found


def memory_mib(process: int) -> float:
    """Proportional set size of the tree; resident size where the kernel does not tell."""
    return sum(_kib(member) for member in family(process)) / 1024


def _kib(process: int) -> int:
    for file, field in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        try:
            lines = Path(f"/proc/{process}/{file}").read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        found = next((int(line.split()[1]) for line in lines if line.startswith(field)), None)
        if found is not None:
            return found
    return 0


def cpu_seconds(process: int) -> float:
    """Seconds the tree has run, in user and in system mode."""
    total = 0
    for member in family(process):
        try:
            fields = Path(f"/proc/{member}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS
