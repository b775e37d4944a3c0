"""What a run is started with takes the place of what was configured, inside the nodes."""

import json

import pytest
from tensorflow_model_analysis.proto.config_pb2 import EvalConfig
from tfx.utils import proto_utils

from gptfx.components.evaluator import executor as evaluator
from gptfx.components.evaluator.eval_config import bounds, eval_config
from gptfx.components.trainer import executor as trainer
from gptfx.data.errors import InputError
from gptfx.modules.config import TrainerConfig
from gptfx.modules.evaluation.metrics import BITS_PER_BYTE

CONFIG = {"trainer": TrainerConfig(steps=400).model_dump(), "model": {"n_layer": 1}}


def trained_with(**parameters: object) -> dict[str, object]:
    given = {"custom_config": json.dumps(CONFIG), **parameters}
    return json.loads(str(trainer.started_with(given)["custom_config"]))


def test_steps_and_seed_are_those_of_the_run_and_all_else_stays() -> None:
    told = trained_with(train_steps=7, seed=9)
    assert told["trainer"] == {**CONFIG["trainer"], "steps": 7, "seed": 9}
    assert told["model"] == CONFIG["model"]


def test_what_is_not_told_stays() -> None:
    given = {"custom_config": json.dumps(CONFIG), "train_steps": None}
    assert trainer.started_with(given) is given
    assert trained_with(seed=0)["trainer"] == {**CONFIG["trainer"], "seed": 0}


def test_steps_that_no_trainer_can_take_are_refused() -> None:
    with pytest.raises(InputError, match=r"the trainer cannot take these parameters.*-1"):
        trained_with(train_steps=-1)


def judged_with(bound: float | None) -> EvalConfig:
    configured = eval_config(bounds(2.5, -0.1), {"scene/scene.txt": 3.0}, has_baseline=True)
    given = {"eval_config": proto_utils.proto_to_json(configured), "max_bits_per_byte": bound}
    config = EvalConfig()
    proto_utils.json_to_proto(str(evaluator.started_with(given)["eval_config"]), config)
    return config


def test_the_bound_over_all_texts_is_that_of_the_run_and_the_others_stay() -> None:
    before, after = (
        judged_with(bound).metrics_specs[0].per_slice_thresholds[BITS_PER_BYTE].thresholds
        for bound in (None, 0.5)
    )
    assert before[0].threshold.value_threshold.upper_bound.value == 2.5
    assert after[0].threshold.value_threshold.upper_bound.value == 0.5
    assert after[0].threshold.change_threshold == before[0].threshold.change_threshold
    assert after[1] == before[1]


@pytest.mark.parametrize("bound", [0.0, -1.0, float("nan")])
def test_a_bound_that_nothing_can_keep_is_refused(bound: float) -> None:
    with pytest.raises(InputError, match="max_bits_per_byte is not above 0"):
        judged_with(bound)
