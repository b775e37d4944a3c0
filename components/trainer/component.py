"""GptTrainer: TFX's Trainer, which is also handed the tokenizer."""

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
from gptfx.components.trainer import executor

RUN_FN = "gptfx.components.trainer.run_fn.run_fn"
CODE = ("components/trainer", "modules")  # whose change trains again
INIT_DIGEST = "init_digest"  # key of the configuration: of the weights that are started from


class GptTrainerSpec(ComponentSpec):
    """Trainer's, with a tokenizer."""

    PARAMETERS = {
        **standard.TrainerSpec.PARAMETERS,
        executor.TRAIN_STEPS: ExecutionParameter(type=int, optional=True),
        executor.SEED: ExecutionParameter(type=int, optional=True),
        executor.CHECKPOINTS_FOLDER: ExecutionParameter(type=str, optional=True),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        **standard.TrainerSpec.INPUTS,
        TOKENIZER: ChannelParameter(type=Tokenizer),
    }
    OUTPUTS = standard.TrainerSpec.OUTPUTS


class GptTrainer(base_component.BaseComponent):
    """Fits a model to the tokens of the train split and exports a SavedModel that speaks."""

    SPEC_CLASS = GptTrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        examples: BaseChannel,
        transform_graph: BaseChannel,
        tokenizer: BaseChannel,
        config: dict[str, Any],
        hyperparameters: BaseChannel | None = None,
        train_steps: Any = None,
        seed: Any = None,
        checkpoints_folder: str | None = None,
    ) -> None:
        """Wires the node.

        Args:
          examples: Transform's, with `tokens`.
          transform_graph: Transform's.
          tokenizer: TokenizerTrainer's.
          config: sections `model`, `trainer`, `bigram`, `generation` and the `lineage` that goes
            into the model's card; all JSON. Changing it trains again.
          hyperparameters: GptTuner's best, which take the place of what `config` says.
          train_steps, seed: take the place of `trainer.steps` and `trainer.seed`; of a number, or a
            parameter that a run is started with.
          checkpoints_folder: where checkpoints go, if not beside the node's outputs.
        """
        spec = GptTrainerSpec(
            examples=examples,
            transform_graph=transform_graph,
            tokenizer=tokenizer,
            hyperparameters=hyperparameters,
            run_fn=RUN_FN,
            train_args=trainer_pb2.TrainArgs(),
            eval_args=trainer_pb2.EvalArgs(),
            custom_config=json.dumps(config, sort_keys=True),
            train_steps=train_steps,
            seed=seed,
            checkpoints_folder=checkpoints_folder,
            code=code_fingerprint(*CODE),
            model=Channel(type=standard_artifacts.Model),
            model_run=Channel(type=standard_artifacts.ModelRun),
        )
        super().__init__(spec=spec)
