"""A root that cannot be written, is taken or is damaged; a disk that is full."""

import fcntl
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gptfx.pipeline.doctor.folders import examine_space
from gptfx.pipeline.doctor.root import examine_root
from gptfx.pipeline.layout import Layout


def test_a_root_in_use_is_a_failure(by_name: Any, layout: Layout) -> None:
    assert by_name(examine_root(layout))["other run"].state == "ok"
    assert not layout.lock.exists()
    with layout.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        finding = by_name(examine_root(layout))["other run"]
    assert finding.state == "failure"
    assert "--root" in finding.remedy
    assert by_name(examine_root(layout))["other run"].state == "ok"


@pytest.mark.parametrize(
    ("content", "state"),
    [(b"", "ok"), (b"not a database at all " * 50, "failure"), (b"SQLite format 3\0", "failure")],
)
def test_damaged_metadata_is_a_failure(
    by_name: Any, layout: Layout, content: bytes, state: str
) -> None:
    layout.metadata.write_bytes(content)
    finding = by_name(examine_root(layout))["metadata"]
    assert finding.state == state
    assert state == "ok" or "move it away" in finding.remedy


def test_metadata_with_a_damaged_page_is_a_failure(
    make_metadata: Any, by_name: Any, layout: Layout
) -> None:
    make_metadata(layout, [(1, 3, "gptfx-smoke.ingest")])
    assert by_name(examine_root(layout))["metadata"].state == "ok"
    content = bytearray(layout.metadata.read_bytes())
    content[4096 : 2 * 4096] = os.urandom(4096)
    layout.metadata.write_bytes(content)
    assert by_name(examine_root(layout))["metadata"].state == "failure"


def test_metadata_that_somebody_holds_are_not_to_be_moved_away(
    make_metadata: Any, by_name: Any, layout: Layout
) -> None:
    make_metadata(layout, [(1, 3, "gptfx-smoke.ingest")])
    with closing(sqlite3.connect(layout.metadata, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        finding = by_name(examine_root(layout))["metadata"]
    assert (finding.state, "move" in finding.remedy) == ("warning", False)
    assert "somebody is writing it" in finding.found


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Any]:
    """Mounts a tmpfs with the options given; skips where that is not allowed."""
    points: list[Path] = []

    def mount(options: str) -> Path:
        point = tmp_path / f"mounted{len(points)}"
        point.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(point)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("mounting is not allowed here")
        points.append(point)
        return point

    yield mount
    for point in points:
        subprocess.run(["umount", str(point)], check=True)


def test_a_read_only_root_is_a_failure(by_name: Any, mounted: Any) -> None:
    finding = by_name(examine_root(Layout(mounted("ro") / "runs")))["root"]
    assert finding.state == "failure"
    assert "Read-only file system" in finding.found


def test_a_full_disk_is_a_failure_of_writing_and_of_space(by_name: Any, mounted: Any) -> None:
    point = mounted("size=64k")
    (point / "big").write_bytes(bytes(60_000))
    findings = by_name(examine_root(Layout(point)))
    assert findings["root"].state == "failure"
    assert "No space left" in findings["root"].found
    assert findings["disk"].state == "failure"
    assert "free space there, or name another --root" in findings["disk"].remedy


def test_a_disk_without_room_for_another_file_is_a_failure(mounted: Any) -> None:
    finding = examine_space("disk", mounted("nr_inodes=1") / "runs", "free some")
    assert finding.state == "failure"
    assert "inodes" in finding.found
