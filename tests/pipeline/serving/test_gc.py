"""What nothing kept descends from is removed; what is kept, and what is not the root's, stays."""

import fcntl
import os
import pkgutil
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gptfx.modules.export.versions import versions
from gptfx.pipeline.housekeeping.collection import collect, plan_for
from gptfx.pipeline.stores import StoreAddress, remember

Gc = Callable[..., Any]


@pytest.fixture
def gc(gptfx: Any, hand_made: Any) -> Gc:
    """`gptfx gc --json` about the root that was made by hand."""

    def run(*words: str, keep: int = 1) -> Any:
        root = str(hand_made.layout.root)
        return gptfx("gc", "--keep", str(keep), "--root", root, "--json", *words)

    return run


def live(hand_made: Any) -> list[str]:
    """What is live for the metadata, as OUTPUT/EXECUTION of what is on the disk, too."""
    found = []
    for artifact in hand_made.store.get_artifacts():
        is_live = artifact.state == hand_made.mlmd.Artifact.LIVE
        assert is_live == Path(artifact.uri).is_dir(), artifact
        found += ["/".join(Path(artifact.uri).parts[-3:])] if is_live else []
    return found


def everything(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


def test_what_the_newest_run_made_stays_and_what_only_older_ones_made_goes(
    hand_made: Any, gc: Gc
) -> None:
    hand_made.run("a", refused_by="evaluator")
    hand_made.run("b", refused_by="evaluator")
    before = live(hand_made)
    told = gc("--dry-run").json
    assert live(hand_made) == before
    done = gc().json
    assert done["removed"] == told["removed"]
    assert live(hand_made) == before[len(before) // 2 :]
    assert done["kept"] == len(before) // 2
    assert len(done["removed"]) == len(before) // 2
    model = Path(next(each["uri"] for each in done["removed"] if each["type"] == "Model"))
    assert done["bytes"] >= sum(each["bytes"] for each in done["removed"]) > 0
    assert not model.exists()
    assert hand_made.state(done["removed"][0]["id"]) == "DELETED"
    again = gc().json
    assert (again["removed"], again["leftovers"], again["bytes"]) == ([], [], 0)


def test_a_pushed_model_and_its_ancestors_stay_however_old_they_are(hand_made: Any, gc: Gc) -> None:
    hand_made.run("old")
    hand_made.run("new")
    refused = hand_made.run("newer", refused_by="evaluator")
    assert gc(keep=0).code == 0
    kept = live(hand_made)
    assert [name for name in kept if name.startswith("trainer/model/")] == [
        "trainer/model/2", "trainer/model/7"
    ]  # fmt: skip
    assert [name for name in kept if "examples" in name] == [
        "ingest/examples/1", "ingest/examples/6"
    ]  # fmt: skip
    assert not any("model_run" in name or "evaluation" in name for name in kept)
    assert len([name for name in kept if "blessing" in name]) == 4
    assert refused in [each.name for each in hand_made.store.get_contexts_by_type("pipeline_run")]


def test_once_a_version_is_pruned_its_model_goes_too(hand_made: Any, gc: Gc, gptfx: Any) -> None:
    hand_made.run("a")
    hand_made.run("b")
    root = str(hand_made.layout.root)
    assert gptfx("models", "prune", "--keep", "1", "--root", root).code == 0
    assert gc(keep=0).code == 0
    assert [name for name in live(hand_made) if "trainer/model/" in name] == ["trainer/model/7"]
    assert gptfx("lineage", "--root", root).code == 0


def test_a_model_that_was_rolled_back_to_stays(hand_made: Any, gc: Gc, gptfx: Any) -> None:
    hand_made.run("a")
    hand_made.run("b")
    root = str(hand_made.layout.root)
    assert gptfx("models", "rollback", "--reason", "x", "--root", root).code == 0
    assert gptfx("models", "prune", "--keep", "1", "--root", root).code == 0
    assert gc(keep=0).code == 0
    where = [name for name in live(hand_made) if name.startswith("trainer/model/")]
    assert where == ["trainer/model/2"]


def test_a_version_that_the_metadata_do_not_know_keeps_the_model_of_its_id(
    hand_made: Any, gc: Gc
) -> None:
    hand_made.run("a")
    (version,) = versions(hand_made.layout.serving("tiny"))
    version.folder.rename(version.folder.with_name("77"))
    assert gc(keep=0).code == 0
    assert "trainer/model/2" in live(hand_made)
    assert "ingest/examples/1" in live(hand_made)


def test_what_a_kept_run_was_given_from_the_cache_stays(hand_made: Any, gc: Gc) -> None:
    first = hand_made.run("a", refused_by="evaluator")
    before = live(hand_made)
    hand_made.run("b", refused_by="evaluator")
    hand_made.cached(hand_made.begin_run(), first)
    assert gc().code == 0
    assert live(hand_made) == before


def test_each_pipeline_keeps_its_own_newest_runs(hand_made: Any, gc: Gc) -> None:
    hand_made.run("a", refused_by="evaluator")
    hand_made.run("b", preset="big", refused_by="evaluator")
    before = live(hand_made)
    assert gc().json["removed"] == []
    assert live(hand_made) == before


def test_empty_parents_go_and_logs_stay(hand_made: Any, gc: Gc) -> None:
    hand_made.layout.logs.mkdir()
    log = hand_made.layout.logs / "tiny.log"
    log.write_text("said")
    hand_made.run("a", refused_by="evaluator")
    system = hand_made.layout.artifacts("gptfx-tiny") / "trainer" / ".system/executor_execution"
    system.mkdir(parents=True)
    (hand_made.layout.artifacts("gptfx-tiny") / "trainer" / "checkpoints").mkdir()
    assert gc(keep=0).code == 0
    assert list(hand_made.layout.all_artifacts.iterdir()) == []
    assert log.read_text() == "said"


def test_a_checkpoint_that_a_training_goes_on_from_stays(hand_made: Any, gc: Gc) -> None:
    hand_made.run("a", refused_by="evaluator")
    node = hand_made.layout.artifacts("gptfx-tiny") / "trainer"
    (node / "checkpoints/abc").mkdir(parents=True)
    (node / "checkpoints/abc/step-7").write_text("weights")
    assert gc(keep=0).code == 0
    assert everything(node) == {"checkpoints", "checkpoints/abc", "checkpoints/abc/step-7"}


def test_what_killed_runs_left_goes(hand_made: Any, gc: Gc) -> None:
    run = hand_made.run("a")
    before = live(hand_made)
    half = hand_made.node(run, "trainer", {}, {"model": "Model"}, state="RUNNING")["model"]
    pipeline = hand_made.layout.artifacts("gptfx-tiny")
    unknown = pipeline / "trainer/model/9999"
    hidden = pipeline / "trainer/model/.3.removed"
    system = pipeline / "trainer/.system/executor_execution/9999"
    for folder in (unknown, hidden, system):
        folder.mkdir(parents=True)
        (folder / "file").write_text("left")
    partial = hand_made.layout.serving("tiny") / ".7.partial"
    partial.mkdir()
    done = gc().json
    assert {each["path"] for each in done["leftovers"]} == {str(unknown), str(hidden), str(system)}
    assert [each["id"] for each in done["removed"]] == [half]
    assert hand_made.state(half) == "DELETED"
    assert not any(folder.exists() for folder in (unknown, hidden, system, partial))
    assert [each for each in live(hand_made) if each in before] == before


@pytest.mark.parametrize("kind", ["parent", "outside", "another root", "link", "file", "itself"])
def test_no_uri_leads_out_of_the_root(
    hand_made: Any, gc: Gc, make_root: Any, tmp_path: Path, kind: str
) -> None:
    hand_made.run("a", refused_by="evaluator")
    pipelines = hand_made.layout.all_artifacts
    other = tmp_path / "other/pipelines/gptfx-tiny/trainer/model/2"
    other.mkdir(parents=True)
    (other / "file").write_text("precious")
    (pipelines / "gptfx-tiny/trainer/model/3").symlink_to(other)
    up = "trainer/../../../../other/pipelines/gptfx-tiny/trainer/model/2"
    uris = {
        "parent": f"{pipelines}/gptfx-tiny/{up}",
        "outside": str(tmp_path / "other"),
        "another root": str(other),
        "link": str(pipelines / "gptfx-tiny/trainer/model/3"),
        "file": str(other / "file"),
        "itself": str(pipelines),
    }
    hostile = hand_made.artifact("Model", uris[kind])
    done = gc(keep=0).json
    assert hostile not in [each["id"] for each in done["removed"]]
    assert hand_made.state(hostile) == "LIVE"
    assert (other / "file").read_text() == "precious"
    assert pipelines.is_dir()


def test_a_link_among_the_folders_is_never_followed(hand_made: Any, gc: Gc, tmp_path: Path) -> None:
    hand_made.run("a")
    other = tmp_path / "other"
    (other / "model/9999").mkdir(parents=True)
    (other / "model/9999/file").write_text("precious")
    (hand_made.layout.artifacts("gptfx-tiny") / "node").symlink_to(other)
    (hand_made.layout.artifacts("gptfx-tiny") / "trainer/model/9998").symlink_to(other)
    assert gc(keep=0).json["leftovers"] == []
    assert (other / "model/9999/file").read_text() == "precious"


def test_of_a_shared_store_only_this_root_is_touched(
    make_root: Any, gptfx: Any, tmp_path: Path
) -> None:
    store = tmp_path / "shared.sqlite"
    mine, other = (make_root(tmp_path / name, store) for name in ("mine", "other"))
    for root in (mine, other):
        for model_id in "ab":
            root.run(model_id, refused_by="evaluator")
    before = everything(other.layout.root)
    words = ("gc", "--keep", "1", "--root", str(mine.layout.root), "--json")
    assert gptfx(*words).code == 2  # it has no store of its own
    done = gptfx(*words, "--store", str(store)).json
    assert len(done["removed"]) == done["kept"] == 7
    assert everything(other.layout.root) == before


def test_folders_that_another_store_of_the_root_knows_are_no_leftovers(
    hand_made: Any, make_root: Any, gc: Gc, tmp_path: Path
) -> None:
    """As where some runs were noted in the root's own file, and others in a database."""
    store = tmp_path / "other.sqlite"
    hand_made.run("a")
    elsewhere = make_root(hand_made.layout.root, store)
    for _ in range(2):
        elsewhere.run("b", preset="big", refused_by="evaluator")
    remember(hand_made.layout.root, StoreAddress.of_file(store))
    before = everything(hand_made.layout.all_artifacts)
    assert gc().json["leftovers"] == []
    assert everything(hand_made.layout.all_artifacts) == before
    store.rename(tmp_path / "moved.sqlite")
    away = gc()
    assert away.json["leftovers"] == []
    assert "were not looked for" in away.err
    assert everything(hand_made.layout.all_artifacts) == before


def test_a_root_that_was_moved_loses_nothing(hand_made: Any, gptfx: Any, tmp_path: Path) -> None:
    hand_made.run("a", refused_by="evaluator")
    moved = tmp_path / "moved"
    shutil.copytree(hand_made.layout.root, moved)
    before = everything(moved / "pipelines")
    done = gptfx("gc", "--keep", "0", "--root", str(moved), "--json").json
    assert (done["removed"], done["leftovers"]) == ([], [])
    assert everything(moved / "pipelines") == before
    assert live(hand_made)


def test_a_root_behind_a_link_is_the_same_root(hand_made: Any, gptfx: Any, tmp_path: Path) -> None:
    hand_made.run("a", refused_by="evaluator")
    hand_made.run("b", refused_by="evaluator")
    before = live(hand_made)
    (tmp_path / "link").symlink_to(hand_made.layout.root)
    assert gptfx("gc", "--keep", "1", "--root", str(tmp_path / "link")).code == 0
    assert live(hand_made) == before[len(before) // 2 :]


def test_a_volume_that_is_not_mounted_is_no_garbage(hand_made: Any, gc: Gc) -> None:
    hand_made.run("a", refused_by="evaluator")
    gone = hand_made.layout.all_artifacts.rename(hand_made.layout.root / "elsewhere")
    refused = gc(keep=0)
    assert refused.code == 2
    assert "mounted" in refused.err
    gone.rename(hand_made.layout.all_artifacts)
    assert live(hand_made)


def test_what_is_gone_from_the_disk_is_noted(hand_made: Any, gc: Gc) -> None:
    hand_made.run("a")
    (model,) = hand_made.store.get_artifacts_by_type("Model")
    shutil.rmtree(model.uri)
    assert [each["id"] for each in gc().json["lost"]] == [model.id]
    assert hand_made.state(model.id) == "DELETED"
    assert gc().json["lost"] == []


def test_a_run_under_way_is_left_alone(hand_made: Any, gc: Gc) -> None:
    hand_made.run("a", refused_by="evaluator")
    with hand_made.layout.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for words in ((), ("--dry-run",)):
            refused = gc(*words, keep=0)
            assert refused.code == 2
            assert "another run is under way" in refused.err
    assert live(hand_made)


STEPS = [
    "gptfx.pipeline.housekeeping.collection.States.put",
    "gptfx.pipeline.housekeeping.collection.remove",
    "pathlib.Path.rename",
    "shutil.rmtree",
    "gptfx.pipeline.housekeeping.collection.remove_hidden",
]


class KilledError(BaseException):
    """Not to be caught by anything."""


@pytest.mark.parametrize(
    ("step", "nth"), [*((step, 0) for step in STEPS), *((step, 1) for step in STEPS[:4])]
)
def test_killed_at_any_step_the_next_collection_goes_on(
    hand_made: Any, gc: Gc, monkeypatch: pytest.MonkeyPatch, step: str, nth: int
) -> None:
    hand_made.run("a", refused_by="evaluator")
    hand_made.run("b")
    before = live(hand_made)
    calls = iter(range(1000))

    def kill(*words: Any, **named: Any) -> Any:
        if next(calls) == nth:
            raise KilledError
        return original(*words, **named)

    address = StoreAddress.of_file(hand_made.layout.metadata)
    plan, _ = plan_for(hand_made.layout, address, 1)
    with monkeypatch.context() as patch:
        original = pkgutil.resolve_name(step)
        patch.setattr(step, kill)
        with pytest.raises(KilledError):
            collect(hand_made.layout, address, plan)
    for artifact in hand_made.store.get_artifacts():
        if artifact.state == hand_made.mlmd.Artifact.LIVE:  # whole, if a cache takes it
            assert any(Path(artifact.uri).iterdir())
    assert gc().code == 0
    assert live(hand_made) == before[len(before) // 2 :]
    assert not list(hand_made.layout.all_artifacts.rglob("*.removed"))
    assert not hand_made.layout.all_artifacts.joinpath("gptfx-tiny/trainer/model/2").exists()


KILL_ITSELF = """
import os, shutil, signal, sys
from gptfx.pipeline.cli.main import main
def kill(*_, **__): os.kill(os.getpid(), signal.SIGKILL)
shutil.rmtree = kill
sys.argv = ["gptfx", *sys.argv[1:]]
main()
"""


def test_killed_with_kill_9_it_goes_on(hand_made: Any, gc: Gc) -> None:
    hand_made.run("a", refused_by="evaluator")
    words = ["gc", "--keep", "0", "--root", str(hand_made.layout.root)]
    done = subprocess.run([sys.executable, "-c", KILL_ITSELF, *words], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(hand_made.layout.all_artifacts.rglob("*.removed"))) == 1
    assert gc(keep=0).code == 0
    assert live(hand_made) == []
    assert os.listdir(hand_made.layout.all_artifacts) == []


def test_it_says_what_and_how_much_in_words(hand_made: Any, gptfx: Any) -> None:
    hand_made.run("a", refused_by="evaluator")
    words = ("gc", "--keep", "0", "--root", str(hand_made.layout.root))
    told = gptfx(*words, "--dry-run").out.splitlines()
    assert told[-1].startswith("Would remove 7 artifacts and 0 leftovers, ")
    assert any(line.startswith("Would remove Model 2: ") for line in told)
    assert gptfx(*words).out.splitlines()[-1].startswith("Removed 7 artifacts")
    assert gptfx("gc", "--root", str(hand_made.layout.root)).code == 2
