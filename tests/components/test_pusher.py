"""What every gate blessed is pushed, once, whole; anything else is not."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf
from tfx.types import Artifact, Channel, standard_artifacts

from gptfx.components.artifacts import ModelCard
from gptfx.components.exported import exported_folder
from gptfx.components.pusher.component import GatedPusher
from gptfx.components.pusher.driver import Driver
from gptfx.modules.export.versions import lay_down, versions
from gptfx.modules.export.withdrawn import Withdrawal, lift, withdraw

Make = Callable[..., Artifact]
Push = Callable[..., Artifact]


def blessing(value: int, kind: type[Artifact] = standard_artifacts.ModelBlessing) -> Artifact:
    artifact = kind()
    artifact.set_int_custom_property("blessed", value)
    return artifact


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    return tmp_path / "serving/tiny"


@pytest.fixture
def push(execute: Callable[..., dict[str, Artifact]], serving: Path, tmp_path: Path) -> Push:
    """Runs driver and executor: (model, blessing, blessing against the last one or None, that of
    ServingValidator or None, the model's card or None)."""

    def run(
        model: Artifact,
        first: int = 1,
        second: int | None = 1,
        third: int | None = None,
        card: Artifact | None = None,
    ) -> Artifact:
        infra = standard_artifacts.InfraBlessing
        inputs = {"model": model, "blessing": blessing(first)}
        inputs |= {} if second is None else {"regression_blessing": blessing(second)}
        inputs |= {} if third is None else {"infra_blessing": blessing(third, infra)}
        inputs |= {} if card is None else {"model_card": card}
        blessings = Channel(type=standard_artifacts.ModelBlessing)
        node = GatedPusher(
            Channel(type=standard_artifacts.Model),
            blessings,
            str(serving),
            None if second is None else blessings,
            None if third is None else Channel(type=infra),
            None if card is None else Channel(type=ModelCard),
        )
        listed = {key: [artifact] for key, artifact in inputs.items()}
        seen = Driver(None).observe(listed, dict(node.exec_properties))
        folder = tmp_path / "pusher" / str(len(list(tmp_path.glob("pusher/*"))))
        return execute(node, folder, inputs, **seen)["pushed_model"]

    return run


def numbers(serving: Path) -> list[int]:
    return [version.number for version in versions(serving)]


def number(pushed: Artifact) -> int:
    return int(pushed.get_string_custom_property("pushed_version"))


def test_a_model_that_both_gates_blessed_is_pushed_and_speaks(
    push: Push, make_model: Make, serving: Path
) -> None:
    pushed = push(make_model())
    assert pushed.get_int_custom_property("pushed") == 1
    folder = Path(pushed.get_string_custom_property("pushed_destination"))
    assert folder == serving / pushed.get_string_custom_property("pushed_version")
    signatures = tf.saved_model.load(str(folder)).signatures
    assert signatures["serving_default"](prompt=tf.constant(["When"]))["text"].shape == (1,)


def test_the_copy_is_whole_and_nothing_else_is_left(
    push: Push, make_model: Make, serving: Path
) -> None:
    model = make_model()
    source, target = exported_folder(model), serving / str(number(push(model)))
    assert [path.name for path in serving.iterdir()] == [target.name]
    for path in source.rglob("*"):
        if path.is_file():
            assert (target / path.relative_to(source)).read_bytes() == path.read_bytes()


def test_the_pages_of_its_card_go_with_a_version(
    push: Push, make_model: Make, serving: Path, tmp_path: Path
) -> None:
    card = ModelCard()
    card.uri = str(tmp_path / "card")
    Path(card.uri).mkdir()
    for name in ("README.md", "card.html", "card.json"):
        Path(card.uri, name).write_text(name)
    extra = serving / str(number(push(make_model(), card=card))) / "assets.extra"
    added = {path.name: path.read_text() for path in extra.glob("*[dl]")}
    assert added == {"README.md": "README.md", "card.html": "card.html"}
    assert (extra / "gptfx.json").exists()


def test_a_card_without_its_pages_leaves_no_half_version(
    push: Push, make_model: Make, serving: Path, tmp_path: Path
) -> None:
    card = ModelCard()
    card.uri = str(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError):
        push(make_model(), card=card)
    assert numbers(serving) == []


def test_without_a_comparison_one_blessing_is_enough(push: Push, make_model: Make) -> None:
    assert push(make_model(), second=None).get_int_custom_property("pushed") == 1


def test_a_model_that_also_answers_is_pushed(push: Push, make_model: Make) -> None:
    assert push(make_model(), third=1).get_int_custom_property("pushed") == 1


@pytest.mark.parametrize(
    "blessings",
    [(0, 1), (1, 0), (0, 0), (0, None), (0, 1, 1), (1, 1, 0), (1, None, 0)],
)
def test_one_refusal_is_enough_to_push_nothing(
    push: Push, make_model: Make, serving: Path, blessings: tuple[int | None, ...]
) -> None:
    pushed = push(make_model(), *blessings)
    assert pushed.get_int_custom_property("pushed") == 0
    assert pushed.get_string_custom_property("pushed_destination") == ""
    assert not serving.exists()


@pytest.mark.parametrize(
    "inputs", [{}, {"blessing": []}, {"regression_blessing": []}, {"infra_blessing": []}]
)
def test_a_blessing_that_is_not_there_is_none(
    make_model: Make, serving: Path, inputs: dict[str, list[Artifact]]
) -> None:
    given = {"model": [make_model()], **inputs}
    if inputs and "blessing" not in inputs:
        given["blessing"] = [blessing(1)]
    with pytest.raises((KeyError, ValueError)):
        Driver(None).observe(given, {"serving_folder": str(serving)})


def test_the_same_model_keeps_its_number_and_nothing_changes(
    push: Push, make_model: Make, serving: Path
) -> None:
    model = make_model()
    first = number(push(model))
    before = {path: path.stat().st_mtime_ns for path in serving.rglob("*")}
    assert number(push(model)) == first
    assert {path: path.stat().st_mtime_ns for path in serving.rglob("*")} == before


def test_another_model_is_a_newer_version(push: Push, make_model: Make, serving: Path) -> None:
    first = number(push(make_model(model_id="a")))
    second = number(push(make_model(model_id="b")))
    assert second > first
    assert numbers(serving) == [first, second]


def test_a_model_that_was_superseded_is_pushed_again_as_the_newest(
    push: Push, make_model: Make, serving: Path
) -> None:
    model = make_model(model_id="a")
    first, second = number(push(model)), number(push(make_model(model_id="b")))
    third = number(push(model))
    assert numbers(serving) == [first, second, third]
    assert versions(serving)[-1].model_id == "a"


def test_a_version_that_was_deleted_is_pushed_again(
    push: Push, make_model: Make, serving: Path
) -> None:
    model = make_model()
    shutil.rmtree(serving / str(number(push(model))))
    again = number(push(model))
    assert numbers(serving) == [again]


def test_a_clock_that_was_set_back_still_gives_a_newer_number(
    push: Push, make_model: Make, serving: Path
) -> None:
    shutil.copytree(exported_folder(make_model(model_id="a")), serving / "99999999999")
    assert number(push(make_model(model_id="b"))) == 100_000_000_000


def test_what_a_killed_push_left_is_neither_a_version_nor_in_the_way(
    make_model: Make, serving: Path
) -> None:
    source = exported_folder(make_model())
    left = serving / ".7.partial"
    shutil.copytree(source, left)
    (left / "stray").touch()
    assert numbers(serving) == []
    lay_down(source, serving / "7")
    assert [path.name for path in serving.iterdir()] == ["7"]
    assert not (serving / "7/stray").exists()


def test_a_withdrawn_model_is_not_pushed_and_says_by_whom_until_that_is_lifted(
    push: Push, make_model: Make, serving: Path
) -> None:
    model = make_model(model_id="a")
    withdraw(serving, Withdrawal("a", 7, "ann", "2026-11-27T12:00:00+00:00", "it swears"))
    pushed = push(model)
    assert pushed.get_int_custom_property("pushed") == 0
    said = "withdrawn by ann, 2026-11-27T12:00:00+00:00: it swears"
    assert pushed.get_string_custom_property("withdrawn") == said
    assert push(make_model(model_id="b")).get_int_custom_property("pushed") == 1
    lift(serving, "a")
    again = number(push(model))
    assert numbers(serving)[-1] == again


def test_a_withdrawn_model_says_so_also_where_a_gate_refused_it(
    push: Push, make_model: Make, serving: Path
) -> None:
    withdraw(serving, Withdrawal("a", 7, "ann", "today", "it swears"))
    pushed = push(make_model(model_id="a"), 0)
    assert pushed.get_string_custom_property("withdrawn") == "withdrawn by ann, today: it swears"
