"""GptTuner tries what it was told to try, and the Trainer takes what was best."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tfx.types import Artifact, Channel, standard_artifacts

from gptfx.components.exported import exported_card
from gptfx.components.trainer.tuned import tuned
from gptfx.components.tuner.component import GptTuner, trial_config
from gptfx.components.tuner.search import Search
from gptfx.data.errors import InputError
from gptfx.modules.config import ModelConfig, TrainerConfig, TunerConfig
from gptfx.modules.training.loop import DivergedError

Artifacts = dict[str, Artifact]
MODEL = ModelConfig(block_size=8, n_layer=1, n_head=1, n_embd=4).model_dump()
TRAINER = TrainerConfig(steps=2, batch_size=2, warmup_steps=1, log_every=1).model_dump()
CONFIG = {"model": MODEL, "trainer": TRAINER}
TUNER = TunerConfig(trials=2, steps=2, learning_rate=(1e-3, 1e-2), n_embd=(4, 6), n_layer=(1, 2))


@pytest.fixture(scope="module")
def tune(
    execute: Callable[..., Artifacts],
    transformed: Artifacts,
    tokenizer: Artifact,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[TunerConfig], Artifacts]:
    """Runs GptTuner."""

    def run(tuner: TunerConfig) -> Artifacts:
        node = GptTuner(
            Channel(type=standard_artifacts.Examples),
            Channel(type=standard_artifacts.TransformGraph),
            Channel(type=type(tokenizer)),
            CONFIG,
            tuner,
        )
        inputs = {
            "examples": transformed["transformed_examples"],
            "transform_graph": transformed["transform_graph"],
            "tokenizer": tokenizer,
        }
        return execute(node, tmp_path_factory.mktemp("tuner"), inputs)

    return run


@pytest.fixture(scope="module")
def found(tune: Callable[[TunerConfig], Artifacts]) -> Artifacts:
    """GptTuner's outputs after two trials of two steps."""
    return tune(TUNER)


def best(outputs: Artifacts) -> dict[str, Any]:
    (file,) = Path(outputs["best_hyperparameters"].uri).iterdir()
    return json.loads(file.read_text())["values"]


def trials(outputs: Artifacts) -> list[dict[str, Any]]:
    (file,) = Path(outputs["tuner_results"].uri).iterdir()
    return json.loads(file.read_text())


def test_the_best_values_are_those_of_the_trial_with_the_lowest_loss(found: Artifacts) -> None:
    assert len(trials(found)) == 2
    lowest = min(trials(found), key=lambda trial: trial["score"])
    assert best(found) == {key: lowest[key] for key in ("learning_rate", "n_embd", "n_layer")}


def test_every_trial_keeps_to_the_choices(found: Artifacts) -> None:
    for trial in trials(found):
        assert 1e-3 <= trial["learning_rate"] <= 1e-2
        assert trial["n_embd"] in (4, 6)
        assert trial["n_layer"] in (1, 2)
        assert 5 < trial["score"] < 6.5  # ln(280) = 5.6 nats a token, near the start


def test_the_same_seed_makes_the_same_trials_with_the_same_losses(
    found: Artifacts, tune: Callable[[TunerConfig], Artifacts]
) -> None:
    assert trials(tune(TUNER)) == trials(found)


def test_the_trainer_takes_what_was_found_and_its_card_says_so(
    found: Artifacts, train: Callable[..., Artifacts]
) -> None:
    trained = train(hyperparameters=found["best_hyperparameters"], **CONFIG)
    card, values = exported_card(trained["model"]), best(found)
    assert card["tuned"] == values
    assert card["trainer"]["learning_rate"] == values["learning_rate"]
    assert card["trainer"]["steps"] == 2
    assert (card["model"]["n_embd"], card["model"]["n_layer"]) == (
        values["n_embd"],
        values["n_layer"],
    )
    variables = Path(trained["model"].uri) / "Format-Serving" / "variables" / "variables"
    shapes = [shape for _, shape in tf.train.list_variables(str(variables))]
    assert [280, values["n_embd"]] in shapes  # the token embedding
    assert "tuned" not in exported_card(train(**CONFIG)["model"])


def test_where_every_trial_diverges_one_line_says_so(
    tune: Callable[[TunerConfig], Artifacts],
) -> None:
    hot = TunerConfig(trials=2, steps=4, learning_rate=(1e4, 1e5), n_embd=(4,), n_layer=(1,))
    with pytest.raises(InputError, match=r"every trial of the tuner diverged.*2 trials"):
        tune(hot)


def search(tuner: TunerConfig, losses: list[Any], folder: Path) -> Search:
    """A search whose trials come to `losses`, or raise those that are errors."""
    left = iter(losses)

    def fit(*_: Any) -> float:
        loss = next(left)
        if isinstance(loss, Exception):
            raise loss
        return float(loss)

    made = Search(tuner, fit, folder)
    made.search()
    return made


def test_a_trial_that_diverges_is_survived_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tuner = TUNER.model_copy(update={"trials": 6})
    losses = [*[DivergedError("too hot")] * 4, 3.5, 3.25]  # more in a row than KerasTuner forgives
    with caplog.at_level(logging.WARNING, "gptfx.progress"):
        made = search(tuner, losses, tmp_path)
    assert made.oracle.get_best_trials()[0].score == 3.25
    assert "best of 6 trials, of which 4 diverged: learning_rate 0.0" in caplog.text
    assert "3.250 nats/token on the eval split after 2 steps" in caplog.text


def test_a_loss_that_is_no_number_is_no_result(tmp_path: Path) -> None:
    made = search(TUNER, [float("nan"), 4.0], tmp_path)
    assert made.oracle.get_best_trials()[0].score == 4.0


def test_another_error_ends_the_search_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too short"):
        search(TUNER, [4.0, InputError("too short", "1", "add text")], tmp_path)


def test_a_space_that_is_used_up_ends_the_search(tmp_path: Path) -> None:
    fixed = {"learning_rate": (1e-3, 1e-3), "n_embd": (4,), "n_layer": (1, 2), "trials": 5}
    made = search(TUNER.model_copy(update=fixed), [4.0, 3.0], tmp_path)
    assert {trial.hyperparameters.values["n_layer"] for trial in made.oracle.trials.values()} == {
        1,
        2,
    }


def test_muon_s_learning_rate_moves_by_the_same_factor() -> None:
    found = {"values": {"learning_rate": 0.006, "n_embd": 8, "n_layer": 2}}
    muon = {**TRAINER, "optimizer": "muon", "learning_rate": 0.003, "muon_learning_rate": 0.02}
    merged = tuned({"model": MODEL, "trainer": muon}, found)["trainer"]
    assert merged["muon_learning_rate"] == pytest.approx(0.04)
    assert tuned(CONFIG, found)["trainer"]["muon_learning_rate"] == TRAINER["muon_learning_rate"]


def test_without_a_tuner_the_configuration_stays_as_it_is() -> None:
    assert tuned(CONFIG, None) == CONFIG


def test_values_that_make_no_model_are_refused() -> None:
    found = {"values": {"learning_rate": 0.006, "n_embd": 7, "n_layer": 2}}
    with pytest.raises(ValueError, match="n_embd=7, n_head=2"):
        tuned({"model": {**MODEL, "n_head": 2}, "trainer": TRAINER}, found)


def test_a_trial_is_the_trainer_s_training_but_shorter() -> None:
    trainer = TrainerConfig(steps=900, warmup_steps=50, validate_every=100, patience=2, ema=0.9)
    trial = trial_config({"model": MODEL, "trainer": trainer.model_dump()}, TUNER)["trainer"]
    changed = {key for key, value in trainer.model_dump().items() if trial[key] != value}
    assert changed == {"steps", "warmup_steps", "validate_every", "patience"}
    assert (trial["steps"], trial["warmup_steps"], trial["validate_every"]) == (2, 1, 2)
