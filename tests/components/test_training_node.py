"""GptTrainer's training: resumed, streamed, started from other weights, and looked at."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tfx.types import Artifact

from gptfx.components.exported import exported_card, exported_folder
from gptfx.components.revision import revision
from gptfx.components.trainer import run_fn
from gptfx.components.trainer.component import INIT_DIGEST
from gptfx.data.errors import InputError
from gptfx.modules.config import BigramConfig, ModelConfig, TrainerConfig
from gptfx.modules.training import windows
from gptfx.modules.training.curves import PICTURE, POINTS
from gptfx.modules.training.hardware import hardware
from gptfx.modules.training.origin import content_digest

Artifacts = dict[str, Artifact]
MODEL = ModelConfig(block_size=8, n_layer=1, n_head=1, n_embd=4).model_dump()


def trainer(**changes: object) -> dict[str, Any]:
    """A section `trainer` of four steps."""
    config = {"steps": 4, "batch_size": 2, "warmup_steps": 1, "log_every": 1, **changes}
    return TrainerConfig.model_validate(config).model_dump()


def curve(outputs: Artifacts) -> list[dict[str, Any]]:
    return json.loads((Path(outputs["model_run"].uri) / POINTS).read_text())


def test_the_model_run_holds_the_points_and_their_picture(train: Callable[..., Artifacts]) -> None:
    made = train(model=MODEL, trainer=trainer(validate_every=2, sample_every=4))
    points = curve(made)
    assert [point["step"] for point in points] == [1, 2, 3, 4]
    assert [point["validation_loss"] is None for point in points] == [True, False, True, False]
    assert (Path(made["model_run"].uri) / PICTURE).stat().st_size > 10_000


def test_the_model_run_says_how_long_it_took_and_on_what(gpt: Artifacts) -> None:
    made = gpt["model_run"]
    assert 0.0 < made.get_float_custom_property("training_seconds") < 600.0
    noted = made.get_string_custom_property("revision").rstrip("+")
    # Of a checkout without a commit, as line B's copy is, there is none.
    assert len(noted) == (40 if revision() else 0)
    assert made.get_string_custom_property("processor")
    assert made.get_float_custom_property("cores") > 0.0
    assert made.get_float_custom_property("memory_gib") > 0.0
    assert json.loads(made.get_string_custom_property("gpus")) == list(hardware().gpus)
    assert made.get_string_custom_property("tensorflow") == tf.__version__
    assert "processor" not in json.dumps(exported_card(gpt["model"]))  # another machine, the same


def test_a_training_that_was_stopped_goes_on_where_it_was(
    train: Callable[..., Artifacts],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The first attempt dies after the training, before anything is exported."""
    folder = tmp_path_factory.getbasetemp() / run_fn.CHECKPOINTS  # of all these trainers
    sections = {"model": MODEL, "trainer": trainer(seed=5, checkpoint_every=2)}
    with monkeypatch.context() as patch:
        patch.setattr(tf.saved_model, "save", _die)
        with pytest.raises(OSError, match="the lights went out"):
            train(**sections)
    (kept,) = folder.iterdir()
    assert (kept / "step-4.index").exists()
    made = train(**sections)
    assert "goes on from step 4" in caplog.text
    assert [point["step"] for point in curve(made)] == [1, 2, 3, 4]
    assert not kept.exists()  # what was exported needs no checkpoint
    train(**{**sections, "trainer": trainer(seed=6, checkpoint_every=2)})
    assert caplog.text.count("goes on from step") == 1  # another training is another


def _die(*_: object, **__: object) -> None:
    raise OSError("the lights went out")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, "/root/pipelines/gptfx-smoke/trainer/checkpoints/abc"),
        ({"checkpoints_folder": "/mnt/checkpoints"}, "/mnt/checkpoints/abc"),
    ],
)
def test_checkpoints_stand_beside_the_outputs_of_the_node_or_where_it_was_told(
    told: dict[str, str], expected: str
) -> None:
    class Arguments:
        model_run_dir = "/root/pipelines/gptfx-smoke/trainer/model_run/7"
        custom_config = told

    assert run_fn._checkpoints(Arguments(), "abc") == Path(expected)


def test_a_corpus_that_is_streamed_is_learned_without_being_held(
    train: Callable[..., Artifacts], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "InMemory", None)  # whoever asks for it fails
    made = train(model=MODEL, trainer=trainer(streaming=True, shuffle_buffer=8))
    assert exported_card(made["model"])["train_tokens"] is None
    losses = [point["loss"] for point in curve(made)]
    assert losses == pytest.approx([5.6] * 4, abs=0.2)  # about ln(280)


def test_a_bigram_of_a_streamed_corpus_is_counted_piece_by_piece(
    train: Callable[..., Artifacts], bigram: Artifacts
) -> None:
    settings = {"kind": "bigram", "block_size": 8}
    model = ModelConfig.model_validate(settings).model_dump()
    made = train(model=model, bigram=BigramConfig().model_dump(), streaming=True)
    card = exported_card(made["model"])
    assert card["train_tokens"] is None
    assert card["model_id"] != exported_card(bigram["model"])["model_id"]


def test_training_starts_from_an_exported_model_and_the_card_says_from_which(
    gpt: Artifacts, train: Callable[..., Artifacts]
) -> None:
    folder = exported_folder(gpt["model"])
    digest = content_digest(folder)
    start = trainer(steps=0, init_from=str(folder))
    made = train(model=MODEL, trainer=start, **{INIT_DIGEST: digest})
    card = exported_card(made["model"])
    assert card["trainer"]["init_from"] == f"sha256:{digest}"
    assert INIT_DIGEST not in card
    assert str(folder) not in json.dumps(card)


def test_a_model_of_another_shape_is_no_start(
    gpt: Artifacts, train: Callable[..., Artifacts]
) -> None:
    start = trainer(init_from=str(exported_folder(gpt["model"])))
    with pytest.raises(InputError, match="n_embd = 4, where the configuration says 8"):
        train(model={**MODEL, "n_embd": 8}, trainer=start)


def test_seed_versions_and_configuration_are_in_the_model_s_folder(gpt: Artifacts) -> None:
    card = exported_card(gpt["model"])
    assert ModelConfig(**card["model"]).n_embd == 4
    assert TrainerConfig(**card["trainer"]).seed == TrainerConfig().seed
    assert set(card["versions"]) == {"gptfx", "python", "tensorflow", "keras"}
