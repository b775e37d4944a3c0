"""TokenizerTrainer: learns byte-level BPE from the train split."""

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from gptfx.components.artifacts import Tokenizer
from gptfx.components.fingerprint import code_fingerprint
from gptfx.components.tokenizer_trainer import executor
from gptfx.modules.config import TokenizerConfig


class TokenizerTrainerSpec(ComponentSpec):
    """Examples in, a tokenizer out."""

    PARAMETERS = {
        executor.CONFIG: ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {"examples": ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS = {"tokenizer": ChannelParameter(type=Tokenizer)}


class TokenizerTrainer(base_beam_component.BaseBeamComponent):
    """Counts words on Beam, learns the merges on one worker."""

    SPEC_CLASS = TokenizerTrainerSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(self, examples: BaseChannel, config: TokenizerConfig) -> None:
        """Wires the node: `examples` of TextExampleGen, and the tokenizer's configuration."""
        spec = TokenizerTrainerSpec(
            examples=examples,
            config=config.model_dump_json(),
            code=code_fingerprint("components/tokenizer_trainer", "modules/tokenizers"),
            tokenizer=Channel(type=Tokenizer),
        )
        super().__init__(spec=spec)
