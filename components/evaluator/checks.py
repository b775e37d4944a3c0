"""Every bound that a model was held against, and whether it held, for a person to read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from gptfx.components.evaluator.evaluation import OVERALL, Evaluation
from gptfx.components.examples import SOURCE
from gptfx.modules.evaluation.metrics import BITS_PER_BYTE


@dataclass(frozen=True)
class Bounds:
    """What was asked of a model, in bits a byte; see ``EvaluatorConfig`` of the pipeline.

    Attributes:
      max_bits_per_byte: at most this, over all examples.
      min_gain_over_bigram: lower than the bigram's by at least this.
      tolerance: higher than the last blessed model's by at most this.
      slice_max_bits_per_byte: bounds for single sources.
    """

    max_bits_per_byte: float
    min_gain_over_bigram: float = 0.0
    tolerance: float = 0.0
    slice_max_bits_per_byte: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """One bound and whether it held.

    Attributes:
      gate: what was asked, in words.
      metric: `bits_per_byte`.
      value: the candidate's.
      bound: `value` had to be at most this.
      passed: TFMA's verdict.
    """

    gate: str
    metric: str
    value: float
    bound: float
    passed: bool

    def __str__(self) -> str:
        verb = "is within" if self.passed else "is above"
        return f"{self.gate}: {self.metric} {self.value:.4f} {verb} the bound {self.bound:.4f}"


def read_bounds(folder: str, regression_folder: str | None = None) -> Bounds:
    """Those that the Evaluators were told, from their ModelEvaluation artifacts' folders: of the
    one with the absolute bound, and of the one against the last blessed model."""
    of_all, *of_sources = _thresholds(folder)
    upper, change = of_all.threshold.value_threshold, of_all.threshold.change_threshold
    tolerance = 0.0
    if regression_folder:
        tolerance = _thresholds(regression_folder)[0].threshold.change_threshold.absolute.value
    slices = {
        each.slicing_specs[0].feature_values[SOURCE]: each.threshold.value_threshold.upper_bound
        for each in of_sources
    }
    values = {source: bound.value for source, bound in slices.items()}
    return Bounds(upper.upper_bound.value, -change.absolute.value, tolerance, values)


def _thresholds(folder: str) -> list[config_pb2.PerSliceMetricThreshold]:
    """In the order of ``eval_config.py``: of all examples, then of single sources."""
    (spec,) = tfma.load_eval_result(folder).config.metrics_specs
    return list(spec.per_slice_thresholds[BITS_PER_BYTE].thresholds)


def checks(bounds: Bounds, evaluation: Evaluation, regression: Evaluation | None) -> list[Check]:
    """Every bound of a run, in the order in which a reader asks for them."""
    value = evaluation.candidate[OVERALL][BITS_PER_BYTE]

    def check(gate: str, bound: float, result: Evaluation, is_diff: bool) -> Check:
        return Check(gate, BITS_PER_BYTE, value, bound, (OVERALL, is_diff) not in result.failures)

    found = [check("absolute bound", bounds.max_bits_per_byte, evaluation, False)]
    if evaluation.baseline:
        bigram = evaluation.baseline[OVERALL][BITS_PER_BYTE]
        gain = bounds.min_gain_over_bigram
        gate = f"better than the bigram ({bigram:.4f}) by {gain:g}"
        found.append(check(gate, bigram - gain, evaluation, True))
    if regression and regression.baseline:
        found.append(_regression_check(bounds.tolerance, regression))
    return found + _slice_checks(bounds, evaluation)


def checks_of_node(folder: str, evaluation: Evaluation) -> list[Check]:
    """The bounds that one Evaluator held a model against, from its ModelEvaluation's folder, and
    what was read there."""
    of_all = _thresholds(folder)[0].threshold
    if of_all.value_threshold.HasField("upper_bound"):
        return checks(read_bounds(folder), evaluation, None)
    return [_regression_check(of_all.change_threshold.absolute.value, evaluation)]


def _regression_check(tolerance: float, found: Evaluation) -> Check:
    value, last = (of[OVERALL][BITS_PER_BYTE] for of in (found.candidate, found.baseline))
    gate = f"not worse than the last blessed model ({last:.4f}) by more than {tolerance:g}"
    passed = (OVERALL, True) not in found.failures
    return Check(gate, BITS_PER_BYTE, value, last + tolerance, passed)


def _slice_checks(bounds: Bounds, evaluation: Evaluation) -> list[Check]:
    found = []
    for source, bound in bounds.slice_max_bits_per_byte.items():
        value = evaluation.candidate.get(source, {}).get(BITS_PER_BYTE, float("nan"))
        failed = (source, False) in evaluation.failures or source in evaluation.missing
        found.append(Check(f"source {source}", BITS_PER_BYTE, value, bound, not failed))
    return found
