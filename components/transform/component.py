"""TokenizeTransform: TFX's Transform, which is also handed the tokenizer."""

import json

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types import standard_component_specs as standard
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from gptfx.components.artifacts import Tokenizer
from gptfx.components.fingerprint import code_fingerprint
from gptfx.components.tokenizer_input import TOKENIZER
from gptfx.components.transform import executor

PREPROCESSING_FN = "gptfx.components.transform.preprocessing.preprocessing_fn"


class TokenizeTransformSpec(ComponentSpec):
    """Transform's, with a tokenizer."""

    PARAMETERS = {
        **standard.TransformSpec.PARAMETERS,
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        **standard.TransformSpec.INPUTS,
        TOKENIZER: ChannelParameter(type=Tokenizer),
    }
    OUTPUTS = standard.TransformSpec.OUTPUTS


class TokenizeTransform(base_beam_component.BaseBeamComponent):
    """Adds `tokens` to every example, made by the same graph that the SavedModel holds."""

    SPEC_CLASS = TokenizeTransformSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(self, examples: BaseChannel, schema: BaseChannel, tokenizer: BaseChannel) -> None:
        """Wires the node: raw examples, the curated schema and the tokenizer."""
        transformed = Channel(type=standard_artifacts.Examples)
        transformed.matching_channel_name = "examples"
        spec = TokenizeTransformSpec(
            examples=examples,
            schema=schema,
            tokenizer=tokenizer,
            preprocessing_fn=PREPROCESSING_FN,
            force_tf_compat_v1=0,
            custom_config=json.dumps({}),
            disable_statistics=1,
            code=code_fingerprint("components/transform", "modules/tokenizers"),
            transform_graph=Channel(type=standard_artifacts.TransformGraph),
            transformed_examples=transformed,
        )
        super().__init__(spec=spec)
