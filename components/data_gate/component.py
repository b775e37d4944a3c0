"""DataGate: what ExampleValidator only records stops the run here, with the reason."""

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from gptfx.components.artifacts import DataReport
from gptfx.components.data_gate import executor
from gptfx.components.fingerprint import code_fingerprint


class DataGateSpec(ComponentSpec):
    """Examples and what was found about them in, a report out."""

    PARAMETERS = {
        executor.MAX_INVALID_FRACTION: ExecutionParameter(type=float),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "anomalies": ChannelParameter(type=standard_artifacts.ExampleAnomalies),
    }
    OUTPUTS = {"report": ChannelParameter(type=DataReport)}


class DataGate(base_beam_component.BaseBeamComponent):
    """Refuses anomalies, an empty split and too much invalid UTF-8; else writes its counts."""

    SPEC_CLASS = DataGateSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self, examples: BaseChannel, anomalies: BaseChannel, max_invalid_fraction: float
    ) -> None:
        """Wires the node.

        Args:
          examples: of TextExampleGen.
          anomalies: of ExampleValidator.
          max_invalid_fraction: the largest share of bytes that are not valid UTF-8.
        """
        spec = DataGateSpec(
            examples=examples,
            anomalies=anomalies,
            max_invalid_fraction=max_invalid_fraction,
            code=code_fingerprint("components/data_gate", "data"),
            report=Channel(type=DataReport),
        )
        super().__init__(spec=spec)
