"""BulkScorer: what BulkInferrer asked of a model, added up by corpus."""

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from gptfx.components.artifacts import TextScores
from gptfx.components.bulk_scorer import executor
from gptfx.components.fingerprint import code_fingerprint


class BulkScorerSpec(ComponentSpec):
    """Inference results in, scores out."""

    PARAMETERS = {"code": ExecutionParameter(type=str)}
    INPUTS = {"inference_result": ChannelParameter(type=standard_artifacts.InferenceResult)}
    OUTPUTS = {"scores": ChannelParameter(type=TextScores)}


class BulkScorer(base_beam_component.BaseBeamComponent):
    """Adds up what the signature `evaluate` gave for raw examples, on Beam.

    Where BulkInferrer asked nothing, because the model was not blessed, there are no scores.
    """

    SPEC_CLASS = BulkScorerSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(self, inference_result: BaseChannel) -> None:
        """Wires the node: of BulkInferrer, with the signature `evaluate`."""
        spec = BulkScorerSpec(
            inference_result=inference_result,
            code=code_fingerprint("components/bulk_scorer", "modules/evaluation"),
            scores=Channel(type=TextScores),
        )
        super().__init__(spec=spec)
