"""The newest pushed model of the same lineage, and never the candidate itself."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.types import Artifact, Channel, standard_artifacts

from gptfx.components.exported import exported_card, exported_folder
from gptfx.components.last_blessed.component import LastBlessed
from gptfx.components.last_blessed.driver import Driver
from gptfx.components.last_blessed.executor import Executor, is_absent
from gptfx.modules.export.withdrawn import Withdrawal, withdraw

LINEAGE = {"corpora": ["rhymes"], "tokenizer": "bpe", "preset": "tiny"}
Make = Callable[..., Artifact]


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    return tmp_path / "serving"


@pytest.fixture
def push(serving: Path, make_model: Make) -> Callable[..., Path]:
    """Puts a version like `bigram`, but for entries of its card, into the serving folder."""

    def run(number: int, **card: object) -> Path:
        folder = serving / str(number)
        shutil.copytree(exported_folder(make_model(**card)), folder)
        return folder

    return run


def found(candidate: Artifact, serving: Path) -> str:
    """The driver's answer."""
    parameters: dict[str, object] = {"serving_folder": str(serving)}
    return Driver(None).observe({"candidate": [candidate]}, parameters)["version"]


def test_where_nothing_was_pushed_there_is_none(make_model: Make, serving: Path) -> None:
    assert found(make_model(), serving) == "none"


def test_the_newest_of_the_lineage_is_found_by_its_number(
    make_model: Make, push: Callable[..., Path], serving: Path
) -> None:
    push(9, model_id="old")
    newest = push(10, model_id="new")
    assert found(make_model(), serving) == str(newest)


def test_a_candidate_is_never_compared_with_itself(
    make_model: Make, push: Callable[..., Path], serving: Path
) -> None:
    push(2, model_id="same")
    assert found(make_model(model_id="same"), serving) == "none"
    earlier = push(1, model_id="other")
    assert found(make_model(model_id="same"), serving) == str(earlier)


@pytest.mark.parametrize(
    "change", [{"preset": "big"}, {"corpora": ["rhymes", "scene"]}, {"tokenizer": "unigram"}]
)
def test_models_of_other_lineages_do_not_count(
    make_model: Make, push: Callable[..., Path], serving: Path, change: dict[str, object]
) -> None:
    same = push(1, model_id="same lineage")
    push(2, model_id="other lineage", lineage={**LINEAGE, **change})
    assert found(make_model(), serving) == str(same)


def test_what_is_not_a_whole_model_of_ours_does_not_count(
    make_model: Make, push: Callable[..., Path], serving: Path
) -> None:
    push(1, model_id="without a graph").joinpath("saved_model.pb").unlink()
    push(2, model_id="without a card").joinpath("assets.extra/gptfx.json").unlink()
    push(3, model_id="without a lineage", lineage=None)
    push(4, model_id="still being copied").rename(serving / ".4.partial")
    (serving / "5").write_text("not a folder")
    assert found(make_model(), serving) == "none"


def test_a_withdrawn_model_is_nothing_to_be_compared_with(
    make_model: Make, push: Callable[..., Path], serving: Path
) -> None:
    good = push(1, model_id="good")
    push(2, model_id="bad")
    withdraw(serving, Withdrawal("bad", 2, "ann", "today", "it swears"))
    assert found(make_model(), serving) == str(good)


def test_tfx_gets_the_answer_as_a_parameter_which_is_part_of_the_cache_key(
    make_model: Make, push: Callable[..., Path], serving: Path
) -> None:
    version = push(1, model_id="a")
    output = Driver(None).run(
        ExecutionInfo(
            input_dict={"candidate": [make_model()]},
            exec_properties={"serving_folder": str(serving)},
        )
    )
    assert output.exec_properties["version"].string_value == str(version)


@pytest.fixture
def fetch(execute: Callable[..., dict[str, Artifact]], tmp_path: Path) -> Callable[[str], Artifact]:
    """Runs the executor with the driver's answer."""

    def run(version: str) -> Artifact:
        node = LastBlessed(Channel(type=standard_artifacts.Model), str(tmp_path / "serving"))
        return execute(node, tmp_path / "last", {}, version=version)["model"]

    return run


def test_the_copy_is_whole_and_outlives_the_version(
    fetch: Callable[[str], Artifact], push: Callable[..., Path]
) -> None:
    version = push(7, model_id="a")
    files = {path.relative_to(version) for path in version.rglob("*")}
    model = fetch(str(version))
    shutil.rmtree(version)
    copy = exported_folder(model)
    assert {path.relative_to(copy) for path in copy.rglob("*")} == files
    assert exported_card(model)["model_id"] == "a"
    assert "evaluate" in tf.saved_model.load(str(copy)).signatures
    assert not is_absent(model)
    assert model.get_string_custom_property("pushed_version") == "7"


def test_a_copy_that_was_cut_short_is_completed_by_the_next_attempt(
    push: Callable[..., Path],
) -> None:
    version = push(7, model_id="a")
    model = standard_artifacts.Model()
    model.uri = str(version.parent.parent / "last")
    (exported_folder(model) / "variables").mkdir(parents=True)
    Executor().Do({}, {"model": [model]}, {"version": str(version)})
    assert exported_card(model)["model_id"] == "a"


def test_none_is_an_artifact_that_is_marked_absent(fetch: Callable[[str], Artifact]) -> None:
    model = fetch("none")
    assert is_absent(model)
    assert list(Path(model.uri).iterdir()) == []
