"""GateEvaluator: TFX's Evaluator, whose baseline may turn out not to exist."""

from typing import Any

from tensorflow_model_analysis.proto.config_pb2 import EvalConfig
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types import standard_component_specs as standard
from tfx.types.component_spec import ExecutionParameter

from gptfx.components.evaluator import executor
from gptfx.components.fingerprint import code_fingerprint


class GateEvaluatorSpec(ComponentSpec):
    """Evaluator's, with a fingerprint of the metrics' code."""

    PARAMETERS = {
        **standard.EvaluatorSpec.PARAMETERS,
        executor.MAX_BITS_PER_BYTE: ExecutionParameter(type=float, optional=True),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = standard.EvaluatorSpec.INPUTS
    OUTPUTS = standard.EvaluatorSpec.OUTPUTS


class GateEvaluator(base_beam_component.BaseBeamComponent):
    """Judges a model on the eval split; its blessing is 1 only if every bound holds."""

    SPEC_CLASS = GateEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        examples: BaseChannel,
        model: BaseChannel,
        eval_config: EvalConfig,
        baseline_model: BaseChannel | None = None,
        max_bits_per_byte: Any = None,
    ) -> None:
        """Wires the node.

        Args:
          examples: raw ones, of TextExampleGen.
          model: the candidate.
          eval_config: see ``eval_config.py``.
          baseline_model: what the candidate is compared with. LastBlessed's may be absent; then
            there is nothing to compare and the candidate is blessed by this node.
          max_bits_per_byte: takes the place of the bound in `eval_config`; a number, or a parameter
            that a run is started with.
        """
        spec = GateEvaluatorSpec(
            examples=examples,
            model=model,
            baseline_model=baseline_model,
            eval_config=eval_config,
            max_bits_per_byte=max_bits_per_byte,
            example_splits="null",
            fairness_indicator_thresholds="null",
            code=code_fingerprint("components/evaluator", "modules/evaluation"),
            evaluation=Channel(type=standard_artifacts.ModelEvaluation),
            blessing=Channel(type=standard_artifacts.ModelBlessing),
        )
        super().__init__(spec=spec)
