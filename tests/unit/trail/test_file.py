"""The file only grows, each entry is whole in it, and what cannot be kept is an error. Processes and disks are real."""

import io
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ployd_policy.model.entry import Entry
from ployd_policy.model.errors import ConfigurationError, ToolError
from ployd_policy.trail import TrailFile, Trails, TrailStream, open_trail, read_lines

WRITER = """
import sys
from pathlib import Path
from ployd_policy.model.entry import Entry
from ployd_policy.model.resource import GroupVersionKind, ObjectRef
from ployd_policy.trail import TrailFile
trail = TrailFile(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    trail.write(Entry(time="2026-11-24T18:25:03Z", door="reconciler", action="decide", outcome="allow", uid=sys.argv[2],
        generation=number, ref=ObjectRef(GroupVersionKind("", "v1", "Pod"), "a", "b"), message="x" * 5000))
"""


def written(path: Path) -> list[str]:
    """The message of each line; a line that is no entry fails."""
    return [json.loads(line)["message"] for line in path.read_text().splitlines()]


def start(path: Path, name: str, entries: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, path, name, str(entries)])


def test_entries_are_appended_to_a_file_of_its_owner(tmp_path: Path, entry: Callable[..., Entry]) -> None:
    path = tmp_path / "trail.jsonl"
    open_trail(path).write(entry(message="one"))
    open_trail(path).write(entry(message="two"))
    assert written(path) == ["one", "two"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_dash_is_standard_output(capfdbinary: pytest.CaptureFixture[bytes], entry: Callable[..., Entry]) -> None:
    open_trail("-").write(entry(message="one"))
    assert json.loads(capfdbinary.readouterr().out)["message"] == "one"


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "trail.jsonl"
    writers = [start(path, str(number), 100) for number in range(4)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0, 0]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for name in "0123":
        assert [line.get("generation", 0) for line in lines if line["uid"] == name] == list(range(100))
    assert len(lines) == 400


def test_threads_that_write_at_once_lose_nothing(tmp_path: Path, entry: Callable[..., Entry]) -> None:
    trail = open_trail(tmp_path / "trail.jsonl")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: trail.write(entry(message=str(number))), range(200)))
    assert sorted(map(int, written(tmp_path / "trail.jsonl"))) == list(range(200))


def test_a_writer_that_is_killed_harms_no_other_line(tmp_path: Path, entry: Callable[..., Entry]) -> None:
    path = tmp_path / "trail.jsonl"
    for _ in range(3):
        writer = start(path, "killed", 1_000_000)
        before, deadline = path.stat().st_size if path.exists() else 0, time.monotonic() + 30
        while not path.exists() or path.stat().st_size < before + 50_000:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        writer.send_signal(signal.SIGKILL)
        writer.wait(timeout=30)
        open_trail(path).write(entry(message="after"))
        assert written(path)[-1] == "after"


def test_half_a_line_does_not_swallow_the_next(tmp_path: Path, entry: Callable[..., Entry]) -> None:
    path = tmp_path / "trail.jsonl"
    path.write_bytes(b'{"trail":"ployd.ai/v1","ti')
    open_trail(path).write(entry(message="one"))
    open_trail(path).write(entry(message="two"))
    torn, *whole = path.read_bytes().splitlines()
    assert torn == b'{"trail":"ployd.ai/v1","ti'
    assert [json.loads(line)["message"] for line in whole] == ["one", "two"]


def test_a_disk_that_is_full_leaves_nothing_of_an_entry(tmp_path: Path, entry: Callable[..., Entry]) -> None:
    """The limit on a file's size stands for the disk: a write stops half way there, too."""
    path = tmp_path / "trail.jsonl"
    trail = open_trail(path)
    trail.write(entry(message="one"))
    size = path.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, hard))
    try:
        with pytest.raises(ToolError) as error:
            trail.write(entry(message="two"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert error.value.message == f"the audit trail {path} could not be written: File too large"
    assert error.value.remedy
    assert path.stat().st_size == size
    trail.write(entry(message="three"))
    assert written(path) == ["one", "three"]


def test_a_file_that_was_moved_away_has_a_successor(tmp_path: Path, entry: Callable[..., Entry]) -> None:
    path = tmp_path / "trail.jsonl"
    trail = open_trail(path)
    trail.write(entry(message="one"))
    path.rename(tmp_path / "trail.jsonl.1")
    trail.write(entry(message="two"))
    assert (written(tmp_path / "trail.jsonl.1"), written(path)) == (["one"], ["two"])


def test_where_no_file_can_be_is_said_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name, why in (
        ("missing/trail.jsonl", "No such file or directory"),
        (".", "Is a directory"),
        ("loop", "Too many levels of symbolic links"),
        ("pipe", "it is no regular file"),
    ):
        with pytest.raises(ConfigurationError) as error:
            open_trail(tmp_path / name)
        assert error.value.message == f"no trail can be kept in {tmp_path / name}: {why}"


def test_a_folder_that_is_gone_is_an_error_of_each_entry(tmp_path: Path, entry: Callable[..., Entry]) -> None:
    (tmp_path / "folder").mkdir()
    trail = open_trail(tmp_path / "folder" / "trail.jsonl")
    (tmp_path / "folder" / "trail.jsonl").unlink()
    (tmp_path / "folder").rmdir()
    with pytest.raises(ToolError, match="No such file or directory"):
        trail.write(entry())


def test_a_stream_that_takes_nothing_is_an_error(entry: Callable[..., Entry]) -> None:
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(ToolError, match="No space left on device"):
        TrailStream(full).write(entry())
    closed = io.BytesIO()
    closed.close()
    with pytest.raises(ToolError, match="closed file"):
        TrailStream(closed).write(entry())
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb", buffering=0) as nobody, pytest.raises(ToolError, match="Broken pipe"):
        TrailStream(nobody).write(entry())


def test_several_trails_get_each_entry(tmp_path: Path, entry: Callable[..., Entry]) -> None:
    stream = io.BytesIO()
    Trails((open_trail(tmp_path / "trail.jsonl"), TrailStream(stream))).write(entry(message="one"))
    assert written(tmp_path / "trail.jsonl") == ["one"]
    assert json.loads(stream.getvalue())["message"] == "one"


def test_the_first_trail_that_fails_ends_it(tmp_path: Path, entry: Callable[..., Entry]) -> None:
    stream = io.BytesIO()
    with pytest.raises(ToolError):
        Trails((TrailFile(tmp_path / "no" / "trail"), TrailStream(stream))).write(entry())
    assert stream.getvalue() == b""


def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * 3_000_000 + b"\n" + b"short\n" + b"torn")
    read = [(name, number, len(data)) for name, number, data in read_lines(tmp_path / "log")]
    name = str(tmp_path / "log")
    assert read == [(name, 1, 1_048_577), (name, 2, 6), (name, 3, 4)]
