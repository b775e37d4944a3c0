"""TokenizerTrainer: makes the tokenizer, from the train split or from a file."""

import hashlib
from pathlib import Path

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from gptfx.components.artifacts import Tokenizer
from gptfx.components.fingerprint import code_fingerprint
from gptfx.components.tokenizer_trainer import executor
from gptfx.data.errors import InputError
from gptfx.modules.config import TokenizerConfig


class TokenizerTrainerSpec(ComponentSpec):
    """Examples in, a tokenizer out."""

    PARAMETERS = {
        executor.CONFIG: ExecutionParameter(type=str),
        "file_sha256": ExecutionParameter(type=str, optional=True),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {"examples": ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS = {"tokenizer": ChannelParameter(type=Tokenizer)}


class TokenizerTrainer(base_beam_component.BaseBeamComponent):
    """Counts words (or characters) on Beam, learns the merges on one worker."""

    SPEC_CLASS = TokenizerTrainerSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(self, examples: BaseChannel, config: TokenizerConfig) -> None:
        """Wires the node: `examples` of TextExampleGen, and the tokenizer's configuration.

        Raises InputError if the configuration names a file that cannot be read.
        """
        spec = TokenizerTrainerSpec(
            examples=examples,
            config=config.model_dump_json(),
            file_sha256=_sha256(config.file) if config.file else None,
            code=code_fingerprint("components/tokenizer_trainer", "modules/tokenizers"),
            tokenizer=Channel(type=Tokenizer),
        )
        super().__init__(spec=spec)


def _sha256(file: str) -> str:
    """Of a file's content, so that another one under the same name is read anew."""
    try:
        return hashlib.sha256(Path(file).expanduser().read_bytes()).hexdigest()
    except OSError as error:
        raise InputError("the tokenizer file cannot be read", str(error), "name another") from None
