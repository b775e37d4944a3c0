"""What the node is handed: names of inputs and parameters, and one object with all of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfx.types import Artifact, artifact_utils

from gptfx.components.exported import exported_uri
from gptfx.components.files import local
from gptfx.modules.export.card import read_card
from gptfx.modules.tokenizers.tokenizer import Tokenizer

MODEL, MODEL_RUN, EXAMPLES, TOKENIZER = "model", "model_run", "examples", "tokenizer"
EVALUATION, REGRESSION, CARD = "evaluation", "regression_evaluation", "card"
CORPORA, CONFIG, PROMPTS, WINDOWS = "corpora", "config", "prompts", "memorisation_windows"
Artifacts = dict[str, list[Artifact]]
Json = dict[str, Any]


@dataclass(frozen=True)
class Given:
    """One execution's.

    Attributes:
      artifacts: the inputs.
      model: a folder of this machine with the SavedModel.
      card: the model's own, ``gptfx.json``.
      tokenizer: of the model.
      corpora, config, prompts, windows: see the component.
    """

    artifacts: Artifacts
    model: Path
    card: Json
    tokenizer: Tokenizer
    corpora: list[Json]
    config: Json
    prompts: list[str]
    windows: int

    def artifact(self, name: str) -> Artifact:
        """An input that is there."""
        return artifact_utils.get_single_instance(self.artifacts[name])

    def split(self, name: str) -> str:
        """The folder of a split of the examples."""
        return str(artifact_utils.get_split_uri(self.artifacts[EXAMPLES], name))


@contextmanager
def opened(artifacts: Artifacts, parameters: Json) -> Iterator[Given]:
    """The inputs, as files of this machine."""
    single = {name: artifact_utils.get_single_instance(artifacts[name]) for name in artifacts}
    with (
        local(exported_uri(single[MODEL])) as model,
        local(single[TOKENIZER].uri) as tokenizer,
    ):
        card = read_card(model)
        if card is None:
            raise ValueError(f"the model at {model} has no card of this version of gptfx")
        told = [json.loads(parameters[name]) for name in (CORPORA, CONFIG, PROMPTS)]
        windows = int(parameters[WINDOWS])
        yield Given(artifacts, model, card, Tokenizer.load(tokenizer), *told, windows)
