"""ModelCardWriter: a card for every model, also for one that a gate refused."""

import json
from collections.abc import Sequence
from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from gptfx.components import blessings
from gptfx.components.artifacts import ModelCard, Tokenizer
from gptfx.components.fingerprint import code_fingerprint
from gptfx.components.model_card import executor, inputs

CODE = ("components/model_card", "components/evaluator", "modules")


class ModelCardWriterSpec(ComponentSpec):
    """A model and all that is known of it in, its card out."""

    PARAMETERS = {
        inputs.CORPORA: ExecutionParameter(type=str),
        inputs.CONFIG: ExecutionParameter(type=str),
        inputs.PROMPTS: ExecutionParameter(type=str),
        inputs.WINDOWS: ExecutionParameter(type=int),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        inputs.MODEL: ChannelParameter(type=standard_artifacts.Model),
        inputs.MODEL_RUN: ChannelParameter(type=standard_artifacts.ModelRun),
        inputs.EXAMPLES: ChannelParameter(type=standard_artifacts.Examples),
        inputs.TOKENIZER: ChannelParameter(type=Tokenizer),
        inputs.EVALUATION: ChannelParameter(type=standard_artifacts.ModelEvaluation),
        inputs.REGRESSION: ChannelParameter(type=standard_artifacts.ModelEvaluation, optional=True),
        **blessings.INPUTS,
    }
    OUTPUTS = {inputs.CARD: ChannelParameter(type=ModelCard)}


class ModelCardWriter(base_component.BaseComponent):
    """Writes ``card.json``, ``README.md`` for a hub, and ``card.html``; see ``facts.py``.

    It asks the exported model for samples, and how much of what it says stands word for word in the
    training text.
    """

    SPEC_CLASS = ModelCardWriterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        model: BaseChannel,
        model_run: BaseChannel,
        examples: BaseChannel,
        tokenizer: BaseChannel,
        evaluation: BaseChannel,
        blessing: BaseChannel,
        corpora: Sequence[dict[str, Any]],
        config: dict[str, Any],
        prompts: Sequence[str],
        memorisation_windows: int,
        regression_evaluation: BaseChannel | None = None,
        regression_blessing: BaseChannel | None = None,
        infra_blessing: BaseChannel | None = None,
    ) -> None:
        """Wires the node.

        Args:
          model, model_run: of GptTrainer.
          examples: raw ones, of TextExampleGen.
          tokenizer: TokenizerTrainer's.
          evaluation, blessing: of the Evaluator with the absolute bound.
          corpora: of each `name`, and `title`, `licence`, `source`, `language`, `bytes`, `sha256`,
            which are None where nobody knows.
          config: sections of the run's configuration that the model's own card has not; all JSON.
          prompts: what samples begin with; one from the eval split comes beside them.
          memorisation_windows: so many windows of the model's own text are looked for.
          regression_evaluation, regression_blessing: of the Evaluator against the last blessed
            model, if there is one.
          infra_blessing: of ServingValidator, if there is one.
        """
        spec = ModelCardWriterSpec(
            model=model,
            model_run=model_run,
            examples=examples,
            tokenizer=tokenizer,
            evaluation=evaluation,
            blessing=blessing,
            regression_evaluation=regression_evaluation,
            regression_blessing=regression_blessing,
            infra_blessing=infra_blessing,
            corpora=json.dumps(list(corpora), sort_keys=True),
            config=json.dumps(config, sort_keys=True),
            prompts=json.dumps(list(prompts)),
            memorisation_windows=memorisation_windows,
            code=code_fingerprint(*CODE),
            card=Channel(type=ModelCard),
        )
        super().__init__(spec=spec)
