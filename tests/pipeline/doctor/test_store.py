"""The metadata store, and whether the disk, the runs and the pushed models are as it says."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gptfx.pipeline.doctor import store as examined
from gptfx.pipeline.doctor.finding import Finding
from gptfx.pipeline.doctor.leftovers import examine_leftovers
from gptfx.pipeline.doctor.store import examine_store
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.stores import StoreAddress, remember

Examine = Callable[..., dict[str, Finding]]


@pytest.fixture
def examine(by_name: Any) -> Examine:
    """The findings about a root and its store."""

    def run(layout: Layout, store: StoreAddress | None = None) -> dict[str, Finding]:
        address = store or StoreAddress.of_file(layout.metadata)
        return dict(by_name(examine_store(address, layout)))

    return run


def test_where_nothing_ran_there_is_no_store_yet_and_none_is_made(
    examine: Examine, tmp_path: Path
) -> None:
    layout = Layout(tmp_path / "root")
    assert "none yet" in examine(layout)["store"].found
    layout.root.mkdir()
    layout.metadata.touch()
    findings = examine(layout)
    assert [(name, each.state) for name, each in findings.items()] == [("store", "ok")]
    assert layout.metadata.stat().st_size == 0


def test_a_sound_root_is_found_sound(examine: Examine, hand_made: Any) -> None:
    hand_made.run("a")
    findings = examine(hand_made.layout)
    assert [(name, each.state) for name, each in findings.items() if name != "forecast"] == [
        ("store", "ok"), ("runs", "ok"), ("models", "ok"), ("artifacts", "ok"), ("folders", "ok")
    ]  # fmt: skip
    assert "schema 10, 1 runs" in findings["store"].found
    assert findings["forecast"].found.startswith("enough for about ")


def test_a_store_of_another_program_or_another_schema_is_a_failure(
    examine: Examine, hand_made: Any, tmp_path: Path
) -> None:
    foreign = tmp_path / "foreign.sqlite"
    with closing(sqlite3.connect(foreign)) as database:
        database.execute("CREATE TABLE songs (title TEXT)")
    finding = examine(hand_made.layout, StoreAddress.of_file(foreign))["store"]
    assert (finding.state, "no metadata store" in finding.found) == ("failure", True)
    with closing(sqlite3.connect(hand_made.layout.metadata)) as database:
        database.execute("UPDATE MLMDEnv SET schema_version = 99")
        database.commit()
    finding = examine(hand_made.layout)["store"]
    assert (finding.state, "99" in finding.found) == ("failure", True)


def test_the_store_of_the_configuration_is_the_one_that_is_looked_at(
    by_name: Any, gptfx: Any, nowhere: Any, tmp_path: Path
) -> None:
    store = "postgresql://nobody@127.0.0.1:9/none"
    words = ("doctor", "--preset", "smoke", "--root", str(tmp_path / "root"), "--json")
    finished = gptfx(*words, "--set", f"metadata.store={store}", **nowhere)
    finding = by_name(finished.json["findings"])["store"]
    assert finished.code == 1
    assert (finding.state, store in finding.found) == ("failure", True)
    assert not (tmp_path / "root").exists()


def test_what_the_metadata_and_the_disk_do_not_agree_about_is_named(
    examine: Examine, hand_made: Any, gptfx: Any
) -> None:
    hand_made.run("a")
    gone = hand_made.uri(hand_made.store.get_artifacts_by_type("ModelEvaluation")[0].id)
    shutil.rmtree(gone)
    unknown = hand_made.layout.artifacts("gptfx-tiny") / "trainer/model/9999"
    unknown.mkdir()
    findings = examine(hand_made.layout)
    assert (findings["artifacts"].state, findings["folders"].state) == ("warning", "warning")
    assert gone in findings["artifacts"].found
    assert str(unknown) in findings["folders"].found
    assert "gptfx gc" in findings["folders"].remedy
    assert gptfx("gc", "--keep", "1", "--root", str(hand_made.layout.root)).code == 0
    findings = examine(hand_made.layout)
    assert (findings["artifacts"].state, findings["folders"].state) == ("ok", "ok")


def test_where_another_store_of_the_root_is_out_of_reach_its_folders_are_not_called_unknown(
    examine: Examine, hand_made: Any, tmp_path: Path
) -> None:
    remember(hand_made.layout.root, StoreAddress.of_file(tmp_path / "gone.sqlite"))
    finding = examine(hand_made.layout)["folders"]
    assert (finding.state, "gone.sqlite" in finding.found) == ("warning", True)


def test_a_run_whose_process_is_gone_is_named_until_a_later_one_ended(
    examine: Examine, hand_made: Any
) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    run = hand_made.begin_run(state="running", pid=ended.pid)
    finding = examine(hand_made.layout)["runs"]
    assert (finding.state, run in finding.found) == ("warning", True)
    hand_made.run("a", preset="other")
    assert examine(hand_made.layout)["runs"].state == "warning"
    hand_made.run("b")
    assert examine(hand_made.layout)["runs"].state == "ok"


def test_a_command_that_was_killed_is_named_until_another_mends_it(
    examine: Examine, hand_made: Any, gptfx: Any, tmp_path: Path
) -> None:
    for model_id in "abc":
        hand_made.run(model_id)
    root = str(hand_made.layout.root)
    kill = "import os, signal\nPath.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
    words = ["gptfx", "models", "rollback", "--reason", "x", "--root", root]
    code = f"import sys\nfrom pathlib import Path\n{kill}sys.argv = {words}\n"
    code += "from gptfx.pipeline.cli.main import main\nmain()"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    finding = examine(hand_made.layout)["models"]
    assert (finding.state, "gptfx.Rollback" in finding.found) == ("warning", True)
    assert ".partial" in examine_leftovers(hand_made.layout, tmp_path / "home").remedy
    assert gptfx("models", "prune", "--keep", "3", "--root", root).code == 0
    assert examine(hand_made.layout)["models"].state == "ok"
    assert examine_leftovers(hand_made.layout, tmp_path / "home").state == "ok"


def test_what_killed_prunes_and_collections_left_is_named(layout: Layout, tmp_path: Path) -> None:
    left = [
        layout.serving("tiny") / ".5.pruned",
        layout.artifacts("gptfx-tiny") / "trainer/model/.7.removed",
    ]
    for folder in left:
        folder.mkdir(parents=True)
    finding = examine_leftovers(layout, tmp_path / "home")
    subprocess.run(finding.remedy, shell=True, check=True)
    assert not any(folder.exists() for folder in left)


@pytest.mark.parametrize(("runs", "state"), [(9, "warning"), (10, "ok")])
def test_the_forecast_is_of_what_the_latest_runs_took(
    examine: Examine, hand_made: Any, monkeypatch: pytest.MonkeyPatch, runs: int, state: str
) -> None:
    first = hand_made.run("a")
    hand_made.cached(hand_made.begin_run(), first)  # which took nothing, and is no measure
    taken = sum(
        path.stat().st_size
        for folder in (hand_made.layout.all_artifacts, hand_made.layout.all_serving)
        for path in folder.rglob("*")
        if path.is_file()
    )
    real = os.statvfs(hand_made.layout.root)

    class Nearly:
        f_bavail, f_frsize = runs * taken, 1
        f_files, f_favail = real.f_files, real.f_favail

    monkeypatch.setattr(examined.os, "statvfs", lambda _: Nearly)
    finding = examine(hand_made.layout)["forecast"]
    assert finding.state == state
    assert finding.found.startswith(f"enough for about {runs} more runs")


def test_of_a_root_in_which_nothing_ran_there_is_no_forecast(
    examine: Examine, hand_made: Any, make_root: Any, tmp_path: Path
) -> None:
    other = make_root(tmp_path / "other", hand_made.layout.metadata)
    other.run("a")
    findings = examine(hand_made.layout)
    assert findings["forecast"].found == "no run has made anything yet"
    assert "0 in this root" in findings["runs"].found
