"""P7: nothing is decided before the policies are proven, and no change of them, good or bad, costs a request."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from served import COMMAND, Files, Load, Served, children, review, running, until

GOOD = """package team.{name}

deny contains msg if {{
	input.request.object.data.team == "{name}"
	msg := "{text}"
}}
"""


def policy(folder: Path, name: str, text: str = "no") -> Path:
    """A folder with one policy that denies ConfigMaps of a team."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.rego").write_text(GOOD.format(name=name, text=text))
    return folder


def team(name: str) -> bytes:
    return review({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"team": name}})


def digest(server: Served) -> str:
    """Of the bundle that decides, by a decision."""
    return str(server.post(team("nobody")).response["auditAnnotations"]["bundle"])


def said_no(server: Served, name: str) -> str:
    """The message with which a team's ConfigMap is denied; empty where it is allowed."""
    response = server.post(team(name)).response
    return "" if response["allowed"] else str(response["status"]["message"])


def test_nothing_is_decided_before_the_policies_are_proven(files: Files, tmp_path: Path) -> None:
    policy(tmp_path / "policies", "early")
    server = Served(files, "--standalone", "--workers", "1", "--policy", tmp_path / "policies", "--deadline", "0.1")
    try:
        # Ports are told when it serves; until then the kernel knows them.
        server.port, server.probes = _listening(server)
        got = []
        while not server.said("serving"):
            ready = server.probe("/readyz")
            reply = server.post(team("early"))
            if not server.said("serving") and not server.said("policies loaded"):
                got.append((ready[0], reply.status))
        assert set(got) == {(503, 429)}
        events = [line["event"] for line in server.lines]
        assert "decision" not in events[: events.index("policies loaded")]
    finally:
        server.kill()


def _listening(server: Served) -> tuple[int, int]:
    """The two ports it listens on; that of probes speaks no TLS."""
    found: list[int] = []

    def look() -> bool:
        inodes = set()
        for entry in Path(f"/proc/{server.process.pid}/fd").iterdir():
            try:
                inodes.add(str(entry.readlink())[8:-1])
            except OSError:
                continue
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        found[:] = [int(line[1].partition(":")[2], 16) for line in lines if line[3] == "0A" and line[9] in inodes]
        return len(found) == 2

    until(look)
    server.probes = found[0]
    return (found[1], found[0]) if server.probe("/healthz")[0] == 200 else (found[0], found[1])


@pytest.fixture
def teams(files: Files, tmp_path: Path) -> Iterator[tuple[Served, Path]]:
    """A server with a folder of policies of its own, and the folder."""
    folder = policy(tmp_path / "policies", "red")
    with running(files, "--standalone", "--workers", "2", "--policy", folder) as server:
        yield server, folder


BROKEN = {
    "text that is no Rego": "package team.broken\n\ndeny contains msg if {",
    "a builtin that reaches out": "package team.broken\n\ndeny contains msg if {\n\thttp.send({}).body == msg\n}\n",
    "no rule at all": "package team.broken\n\nallow := true\n",
    "a binary": "\x00\x01\x02",
    "a line that is quoted": f"package team.broken\n\ndeny contains {'x' * 200_000} if {{\n",
}


def test_bad_policies_under_load_change_nothing_and_good_ones_take_over_without_a_failure(
    teams: tuple[Served, Path],
) -> None:
    server, folder = teams
    first = digest(server)
    with Load(lambda: [server]) as load:
        for what in ("text that is no Rego", "a builtin that reaches out"):
            seen = len(server.lines)
            (folder / "broken.rego").write_text(BROKEN[what])
            refused = server.wait_for("policies refused", after=seen)
            assert refused["serving"] == first, what
            assert (digest(server), said_no(server, "red")) == (first, "[team.red] no."), what
            load.more(10)
        assert server.metric("ployd_policy_bundle_load_failures_total") == 2
        seen = len(server.lines)
        (folder / "broken.rego").write_text(GOOD.format(name="blue", text="never"))
        second = server.wait_for("policies loaded", after=seen)["bundle"]
        load.more(20)
        assert second != first
        assert (digest(server), said_no(server, "red"), said_no(server, "blue")) == (
            second,
            "[team.red] no.",
            "[team.blue] never.",
        )
    assert (load.tally.wrong, load.tally.lost) == ([], [])
    assert load.tally.right >= 60
    assert server.probe("/readyz") == (200, f"ok {second}\n")
    assert server.metric("ployd_policy_bundle_info", digest=second) == 1
    assert server.metric("ployd_policy_bundle_info", digest=first) == 0
    # The old nursery and its workers have gone.
    until(lambda: len(server.workers()) == 2 and len(_nurseries(server)) == 1)


def _nurseries(server: Served) -> list[int]:
    return [pid for pid in children(server.process.pid) if children(pid)]


def test_a_mounted_config_map_is_followed_through_its_links(files: Files, tmp_path: Path) -> None:
    """kubelet writes a new folder beside the old one and swaps the link `..data`; the files are links through it."""
    mount = tmp_path / "mount"
    policy(mount / "..2026_01", "red", "no")
    (mount / "..data").symlink_to("..2026_01")
    (mount / "red.rego").symlink_to("..data/red.rego")
    with running(files, "--standalone", "--workers", "2", "--policy", mount) as server, Load(lambda: [server]) as load:
        assert said_no(server, "red") == "[team.red] no."
        policy(mount / "..2026_02", "red", "still no")
        (mount / "..data_tmp").symlink_to("..2026_02")
        seen = len(server.lines)
        (mount / "..data_tmp").rename(mount / "..data")
        server.wait_for("policies loaded", after=seen)
        assert said_no(server, "red") == "[team.red] still no."
        load.more(20)
    assert (load.tally.wrong, load.tally.lost) == ([], [])


def bundle(file: Path, folder: Path) -> Path:
    """What `ployd-policy bundle` writes, in place by a rename."""
    made = subprocess.run(
        [COMMAND, "bundle", "--policy", folder, "--output", file.with_suffix(".new")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return file.with_suffix(".new").rename(file)


def test_a_bundle_file_is_followed_and_half_of_one_is_refused(files: Files, tmp_path: Path) -> None:
    file = bundle(tmp_path / "bundle.tar.gz", policy(tmp_path / "a", "red", "no"))
    with running(files, "--standalone", "--workers", "2", "--bundle", file) as server, Load(lambda: [server]) as load:
        first = digest(server)
        assert said_no(server, "red") == "[team.red] no."
        whole = bundle(tmp_path / "other.tar.gz", policy(tmp_path / "b", "red", "still no")).read_bytes()
        seen = len(server.lines)
        file.write_bytes(whole[: len(whole) // 2])
        assert server.wait_for("policies refused", after=seen)["serving"] == first
        assert said_no(server, "red") == "[team.red] no."
        seen = len(server.lines)
        file.write_bytes(whole)
        server.wait_for("policies loaded", after=seen)
        assert said_no(server, "red") == "[team.red] still no."
        load.more(20)
    assert (load.tally.wrong, load.tally.lost) == ([], [])


@pytest.mark.parametrize("what", BROKEN)
def test_a_server_does_not_begin_with_policies_that_do_not_load(files: Files, tmp_path: Path, what: str) -> None:
    (tmp_path / "broken.rego").write_text(BROKEN[what], encoding="latin-1")
    server = Served(files, "--standalone", "--workers", "1", "--policy", tmp_path)
    try:
        assert server.wait() == 2
        assert server.said("serving") == []
        assert any("broken.rego" in line or str(tmp_path) in line for line in server.noise), server.noise
    finally:
        server.kill()
