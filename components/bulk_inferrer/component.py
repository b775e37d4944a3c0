"""GatedInferrer: TFX's BulkInferrer, which asks a model only if every gate blessed it."""

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.proto.bulk_inferrer_pb2 import DataSpec, ModelSpec
from tfx.types import BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types import standard_component_specs as standard

from gptfx.components import blessings
from gptfx.components.bulk_inferrer import executor
from gptfx.components.examples import TRAIN


class GatedInferrerSpec(ComponentSpec):
    """BulkInferrer's, with all blessings in place of one."""

    PARAMETERS = standard.BulkInferrerSpec.PARAMETERS
    INPUTS = {
        key: standard.BulkInferrerSpec.INPUTS[key]
        for key in (standard.EXAMPLES_KEY, standard.MODEL_KEY)
    } | blessings.INPUTS
    OUTPUTS = standard.BulkInferrerSpec.OUTPUTS


class GatedInferrer(base_beam_component.BaseBeamComponent):
    """Asks the signature `evaluate` about every example.

    TFX's BulkInferrer obeys one blessing; a model that another gate refused, because it hangs, say,
    would be asked all the same.
    """

    SPEC_CLASS = GatedInferrerSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        examples: BaseChannel,
        model: BaseChannel,
        blessing: BaseChannel,
        regression_blessing: BaseChannel | None = None,
        infra_blessing: BaseChannel | None = None,
    ) -> None:
        """Wires the node: examples in one split, and model and blessings as GatedPusher's."""
        spec = GatedInferrerSpec(
            examples=examples,
            model=model,
            blessing=blessing,
            regression_blessing=regression_blessing,
            infra_blessing=infra_blessing,
            data_spec=DataSpec(example_splits=[TRAIN]),  # which is all there is
            model_spec=ModelSpec(model_signature_name=["evaluate"]),
            inference_result=Channel(type=standard_artifacts.InferenceResult),
        )
        super().__init__(spec=spec)
