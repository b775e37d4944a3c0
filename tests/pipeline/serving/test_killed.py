"""Killed between any two steps, a change is finished or taken back by the next command."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gptfx.data.errors import InputError
from gptfx.modules.export.versions import versions
from gptfx.modules.export.withdrawn import withdrawal_of
from gptfx.pipeline.serving.change import Changed
from gptfx.pipeline.serving.desk import Desk, desk
from gptfx.pipeline.serving.mending import unfinished
from gptfx.pipeline.serving.promotion import find_candidate, promote
from gptfx.pipeline.serving.pruning import prune
from gptfx.pipeline.serving.record import ModelRecord
from gptfx.pipeline.serving.rollback import roll_back
from gptfx.pipeline.stores import StoreAddress

# A step, and whether readers had the new version when the command was killed in it.
STEPS = [
    ("gptfx.pipeline.serving.record.ModelRecord.begin", False),
    ("gptfx.pipeline.serving.change.withdraw", False),
    ("gptfx.pipeline.serving.change.lay_down", False),
    ("shutil.copytree", False),
    ("pathlib.Path.rename", False),
    ("gptfx.pipeline.serving.change.lift", True),
    ("gptfx.pipeline.serving.record.ModelRecord._put_input", True),
    ("gptfx.pipeline.serving.record.ModelRecord._pushed", True),
]


class KilledError(BaseException):
    """Not to be caught by anything."""


@pytest.fixture
def serving(hand_made: Any) -> Path:
    """Of three models, of which the last is served."""
    for model_id in "abc":
        hand_made.run(model_id)
    return Path(hand_made.layout.serving("tiny"))


@pytest.fixture
def killed_at(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Gives a command that is killed before a step, or in the middle of a copy."""

    def run(step: str, command: Callable[[], object]) -> None:
        def kill(*words: Any, **_: Any) -> None:
            if step == "shutil.copytree":
                Path(words[1]).mkdir()
                (Path(words[1]) / "saved_model.pb").write_text("half a gr")
            raise KilledError

        with monkeypatch.context() as patch:
            patch.setattr(step, kill)
            with pytest.raises(KilledError):
                command()

    return run


def at_desk(hand_made: Any, do: Callable[[Desk], Any]) -> Any:
    """What comes of it, with the root held as a command holds it."""
    with desk(hand_made.layout, StoreAddress.of_file(hand_made.layout.metadata)) as held:
        return do(held)


def rolled_back(hand_made: Any) -> Changed:
    done = at_desk(hand_made, lambda held: roll_back(held, None, None, "c swears"))
    assert isinstance(done, Changed)
    return done


def promoted(hand_made: Any) -> Changed:
    """The first model, by the number of its version."""
    first = str(versions(hand_made.layout.serving("tiny"))[0].number)

    def do(held: Desk) -> Changed:
        return promote(held, find_candidate(held.metadata, held.layout, first))

    done = at_desk(hand_made, do)
    assert isinstance(done, Changed)
    return done


def ids(serving: Path) -> list[str]:
    return [version.model_id for version in versions(serving)]


def is_tidy(hand_made: Any, serving: Path) -> bool:
    """Whether nothing is half done, and every version has all files of its model."""
    for version in versions(serving):
        files = [path for path in version.folder.rglob("*") if path.is_file()]
        assert len(files) == 3
        for path in files:
            if path.suffix != ".json":
                assert path.read_text().endswith(f" of {version.model_id}")
    hidden = [*serving.glob(".*.partial"), *serving.glob(".*.pruned")]
    return not hidden and not at_desk(hand_made, lambda held: unfinished(*held[:2]))


@pytest.mark.parametrize(
    ("step", "is_laid_down"), [each for each in STEPS if "lift" not in each[0]]
)
def test_a_rollback_that_was_killed_is_made_once_by_the_next(
    hand_made: Any, serving: Path, killed_at: Any, step: str, is_laid_down: bool
) -> None:
    killed_at(step, lambda: rolled_back(hand_made))
    assert ids(serving) == (["a", "b", "c", "b"] if is_laid_down else ["a", "b", "c"])
    done = rolled_back(hand_made)
    assert done.mended == is_laid_down
    assert ids(serving) == ["a", "b", "c", "b"]
    assert withdrawal_of(serving, "c")
    assert withdrawal_of(serving, "b") is None
    assert is_tidy(hand_made, serving)
    made = [each for each in hand_made.store.get_artifacts_by_type("PushedModel")
            if each.uri == str(done.folder)]  # fmt: skip
    assert len(made) == 1
    assert made[0].custom_properties["reason"].string_value == "c swears"


@pytest.mark.parametrize(
    ("step", "is_laid_down"), [each for each in STEPS if "withdraw" not in each[0]]
)
def test_a_promotion_that_was_killed_is_made_once_by_the_next(
    hand_made: Any, serving: Path, killed_at: Any, step: str, is_laid_down: bool
) -> None:
    at_desk(hand_made, lambda held: roll_back(held, str(versions(serving)[0].number), None, "x"))
    rolled_back(hand_made)  # to b: now a is withdrawn
    before = ids(serving)
    killed_at(step, lambda: promoted(hand_made))
    assert ids(serving) == [*before, *(["a"] if is_laid_down else [])]
    assert promoted(hand_made).mended == is_laid_down
    assert ids(serving) == [*before, "a"]
    assert withdrawal_of(serving, "a") is None
    assert is_tidy(hand_made, serving)


def test_what_was_killed_before_readers_had_it_is_taken_back_by_any_other_command(
    hand_made: Any, serving: Path, killed_at: Any
) -> None:
    killed_at("gptfx.pipeline.serving.change.lay_down", lambda: rolled_back(hand_made))
    assert withdrawal_of(serving, "c")
    at_desk(hand_made, lambda held: prune(held, 3))
    assert withdrawal_of(serving, "c") is None
    assert ids(serving) == ["a", "b", "c"]


def test_what_another_root_left_in_a_shared_store_is_its_own_affair(
    hand_made: Any, serving: Path, killed_at: Any, make_root: Any, tmp_path: Path
) -> None:
    killed_at("gptfx.pipeline.serving.change.lay_down", lambda: rolled_back(hand_made))
    other = make_root(tmp_path / "other", hand_made.layout.metadata)
    address = StoreAddress.of_file(hand_made.layout.metadata)
    with desk(other.layout, address) as held:
        assert held.mended == []
    assert withdrawal_of(serving, "c")


@pytest.mark.parametrize(
    "step",
    ["pathlib.Path.rename", "shutil.rmtree", "gptfx.pipeline.serving.record.ModelRecord.end"],
)
def test_a_prune_that_was_killed_goes_on(
    hand_made: Any, serving: Path, killed_at: Any, step: str
) -> None:
    killed_at(step, lambda: at_desk(hand_made, lambda held: prune(held, 1)))
    assert ids(serving)[-1] == "c"
    at_desk(hand_made, lambda held: prune(held, 1))
    assert ids(serving) == ["c"]
    assert is_tidy(hand_made, serving)


@pytest.mark.parametrize("folder", ["root/serving/..", "elsewhere"])
def test_what_an_entry_says_leads_nowhere_out_of_the_root(
    hand_made: Any, serving: Path, tmp_path: Path, folder: str
) -> None:
    precious = tmp_path / folder / ".7.partial"
    precious.mkdir(parents=True)
    record = ModelRecord(StoreAddress.of_file(hand_made.layout.metadata))
    facts = {"pushed_version": "7", "pushed_destination": str(tmp_path / folder / "7"), "at": "x"}
    for named in (tmp_path / folder, serving):
        record.begin("gptfx.Promotion", {"serving_folder": str(named), **facts})
    assert at_desk(hand_made, lambda held: held.mended) == []
    assert precious.is_dir()


KILL_ITSELF = """
import os, signal, sys
from pathlib import Path
from gptfx.pipeline.cli.main import main
def kill(*_, **__): os.kill(os.getpid(), signal.SIGKILL)
Path.rename = kill
sys.argv = ["gptfx", *sys.argv[1:]]
main()
"""


def test_a_command_that_is_killed_with_kill_9_is_mended(hand_made: Any, serving: Path) -> None:
    root = str(hand_made.layout.root)
    words = ["models", "rollback", "--reason", "c swears", "--root", root]
    done = subprocess.run([sys.executable, "-c", KILL_ITSELF, *words], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(serving.glob(".*.partial"))) == 1
    assert ids(serving) == ["a", "b", "c"]
    assert not rolled_back(hand_made).mended
    assert ids(serving) == ["a", "b", "c", "b"]
    assert is_tidy(hand_made, serving)


class Reader(threading.Thread):
    """Takes the highest number, as TensorFlow Serving does, and reads all that is in it."""

    def __init__(self, serving: Path) -> None:
        super().__init__()
        self.serving, self.is_done = serving, threading.Event()
        self.read = self.gone = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        while not self.is_done.is_set():
            numbers = [int(name) for name in os.listdir(self.serving) if name.isdecimal()]
            folder = self.serving / str(max(numbers))
            try:
                self._check(folder)
                self.read += 1
            except OSError as error:
                self.gone += 1  # pruned meanwhile: then it is gone altogether
                if folder.exists():
                    self.wrong.append(f"{folder} lacks {error.filename}")

    def _check(self, folder: Path) -> None:
        texts = [
            (folder / name).read_text()
            for name in ("saved_model.pb", "variables/variables.index", "assets.extra/gptfx.json")
        ]
        (model_id,) = {text.rpartition(" of ")[2] for text in texts[:2]}
        if f'"model_id": "{model_id}"' not in texts[2]:
            self.wrong.append(f"{folder} has files of two models")


@pytest.fixture
def readers(serving: Path) -> Iterator[list[Reader]]:
    found = [Reader(serving) for _ in range(2)]
    for reader in found:
        reader.start()
    yield found
    for reader in found:
        reader.is_done.set()
        reader.join()


def test_readers_never_find_half_a_model(
    hand_made: Any, serving: Path, readers: list[Reader]
) -> None:
    for _ in range(8):
        rolled_back(hand_made)  # to b, with c withdrawn
        newest = str(versions(serving)[-2].number)
        at_desk(hand_made, lambda held, name=newest: promote(
            held, find_candidate(held.metadata, held.layout, name)))  # fmt: skip
        at_desk(hand_made, lambda held: prune(held, 2))
    for reader in readers:
        reader.is_done.set()
        reader.join()
        assert reader.wrong == []
        assert reader.read > 20
    assert ids(serving)[-1] == "c"


def test_a_version_that_cannot_be_linked_is_copied(
    hand_made: Any, serving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError("no links here")

    monkeypatch.setattr("os.link", refuse)
    folder = rolled_back(hand_made).folder
    shutil.rmtree(versions(serving)[1].folder)
    assert (folder / "saved_model.pb").read_text().endswith(" of b")


def test_a_full_disk_leaves_what_is_served(
    hand_made: Any, serving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copytree", refuse)
        with pytest.raises(OSError, match="No space left"):
            rolled_back(hand_made)
    assert ids(serving) == ["a", "b", "c"]
    assert not rolled_back(hand_made).mended
    with pytest.raises(InputError, match="served already"):
        at_desk(hand_made, lambda held: roll_back(held, held_first(serving, "b"), None, "x"))


def held_first(serving: Path, model_id: str) -> str:
    """The number of the first version of a model."""
    return next(str(each.number) for each in versions(serving) if each.model_id == model_id)
