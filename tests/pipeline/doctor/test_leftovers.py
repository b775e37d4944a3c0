"""What killed runs leave, and what is none of it."""

import fcntl
import subprocess
from pathlib import Path
from typing import Any

from gptfx.pipeline.doctor.leftovers import examine_leftovers
from gptfx.pipeline.layout import Layout


def test_what_killed_runs_left_is_named_with_the_command_that_removes_it(
    make_metadata: Any, layout: Layout, tmp_path: Path
) -> None:
    from ml_metadata.proto.metadata_store_pb2 import Execution

    home = tmp_path / "home"
    states = (Execution.COMPLETE, Execution.RUNNING)
    names = ("gptfx-smoke.ingest", "gptfx-smoke.trainer")
    make_metadata(layout, [(n + 1, states[n], names[n]) for n in (0, 1)])
    leftovers = [
        layout.serving("smoke") / ".5.partial",
        layout.artifacts("gptfx-smoke") / "trainer" / "model" / "2",
        layout.artifacts("gptfx-smoke") / "ingest" / "examples" / "1" / "beam-temp-words-abc",
        home / "corpora" / ".shakespeare-x7_a",
    ]
    kept = [
        layout.serving("smoke") / "5",
        layout.artifacts("gptfx-smoke") / "ingest" / "examples" / "1",
        layout.artifacts("gptfx-smoke") / "ingest" / "examples" / "2",
        home / "corpora" / "shakespeare",
    ]
    for folder in leftovers + kept:
        (folder / "inside").mkdir(parents=True)
        (folder / "inside" / "file").write_bytes(b"0123456789")
    finding = examine_leftovers(layout, home)
    assert finding.state == "warning"
    assert finding.found.startswith("4 of killed runs, 40 bytes")
    subprocess.run(finding.remedy, shell=True, check=True)
    assert not any(folder.exists() for folder in leftovers)
    assert all((folder / "inside" / "file").exists() for folder in kept)
    assert examine_leftovers(layout, home).state == "ok"


def test_the_work_of_a_run_or_a_fetch_under_way_is_no_leftover(
    layout: Layout, tmp_path: Path
) -> None:
    corpora = tmp_path / "home" / "corpora"
    for folder in (layout.serving("smoke") / ".5.partial", corpora / ".shakespeare-x7_a"):
        folder.mkdir(parents=True)
        (folder / "file").write_text("half")
    with layout.lock.open("w") as run, (corpora / ".shakespeare.lock").open("w") as fetch:
        fcntl.flock(fetch, fcntl.LOCK_EX)
        assert "shakespeare" not in (examine_leftovers(layout, corpora.parent).remedy or "")
        fcntl.flock(run, fcntl.LOCK_EX)
        assert examine_leftovers(layout, corpora.parent).state == "ok"
    assert "shakespeare" in examine_leftovers(layout, corpora.parent).remedy


def test_an_empty_folder_of_a_killed_push_is_named_too(layout: Layout, tmp_path: Path) -> None:
    (layout.serving("smoke") / ".5.partial").mkdir(parents=True)
    assert ".5.partial" in examine_leftovers(layout, tmp_path).remedy
