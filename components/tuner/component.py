"""GptTuner: TFX's Tuner, which is also handed the tokenizer."""

import json
from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types import standard_component_specs as standard
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from gptfx.components.artifacts import Tokenizer
from gptfx.components.fingerprint import code_fingerprint
from gptfx.components.tokenizer_input import TOKENIZER
from gptfx.components.trainer.component import INIT_DIGEST
from gptfx.components.tuner import executor
from gptfx.modules.config import TrainerConfig, TunerConfig

TUNER_FN = "gptfx.components.tuner.tuner_fn.tuner_fn"
CODE = ("components/tuner", "components/trainer", "modules")  # whose change searches again
LEARNED_FROM = ("weights", INIT_DIGEST)  # of a trainer's configuration: what trials need, too
# What a training does beside learning; a trial does not, and need not be made again for it.
LEFT_OUT = {
    "checkpoint_every",
    "checkpoint_seconds",
    "validate_every",
    "patience",
    "export",
    "sample_every",
}


class GptTunerSpec(ComponentSpec):
    """Tuner's, with a tokenizer."""

    PARAMETERS = {
        **standard.TunerSpec.PARAMETERS,
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        **standard.TunerSpec.INPUTS,
        TOKENIZER: ChannelParameter(type=Tokenizer),
    }
    OUTPUTS = standard.TunerSpec.OUTPUTS


class GptTuner(base_component.BaseComponent):
    """Tries learning rates, widths and depths in short trainings, and says which were best."""

    SPEC_CLASS = GptTunerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        examples: BaseChannel,
        transform_graph: BaseChannel,
        tokenizer: BaseChannel,
        config: dict[str, Any],
        tuner: TunerConfig,
    ) -> None:
        """Wires the node.

        Args:
          examples: Transform's, with `tokens`.
          transform_graph: Transform's.
          tokenizer: TokenizerTrainer's.
          config: as GptTrainer's. What does not matter to a trial, `trainer.steps` first of all,
            does not search again.
          tuner: what is searched, and how long; nothing of it is null.
        """
        spec = GptTunerSpec(
            examples=examples,
            transform_graph=transform_graph,
            tokenizer=tokenizer,
            tuner_fn=TUNER_FN,
            train_args=trainer_pb2.TrainArgs(),
            eval_args=trainer_pb2.EvalArgs(),
            custom_config=json.dumps(trial_config(config, tuner), sort_keys=True),
            code=code_fingerprint(*CODE),
            best_hyperparameters=Channel(type=standard_artifacts.HyperParameters),
            tuner_results=Channel(type=standard_artifacts.TunerResults),
        )
        super().__init__(spec=spec)


def trial_config(config: dict[str, Any], tuner: TunerConfig) -> dict[str, Any]:
    """A trainer's configuration as that of a trial: shorter, and with one look at the eval split.

    The warm-up is no longer than half of the trial, or no trial would come to its learning rate.
    """
    trainer = {key: value for key, value in config["trainer"].items() if key not in LEFT_OUT}
    trainer["steps"] = trainer["validate_every"] = tuner.steps
    trainer["warmup_steps"] = min(trainer["warmup_steps"], tuner.steps // 2)
    return {
        **{key: config[key] for key in LEARNED_FROM if key in config},
        "model": config["model"],
        "trainer": TrainerConfig.model_validate(trainer).model_dump(),
        "tuner": tuner.model_dump(),
    }
