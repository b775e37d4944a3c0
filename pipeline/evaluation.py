"""What the Evaluators found, read back: metrics by source, and which bound held."""

from dataclasses import dataclass

import tensorflow_model_analysis as tfma

from gptfx.modules.evaluation.metrics import (
    BITS_PER_BYTE,
    TOKEN_ACCURACY,
    Sums,
    all_metrics,
)
from gptfx.modules.evaluation.scoring import BYTES, NATS, TOKENS
from gptfx.pipeline.config import EvaluatorConfig

OVERALL = ""  # the name of the slice of all examples
Metrics = dict[str, dict[str, float]]  # by source, then by metric


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


@dataclass(frozen=True)
class Evaluation:
    """One Evaluator's result.

    Attributes:
      candidate: metrics of the judged model.
      baseline: metrics of the model it was compared with; empty where there was none.
      failures: (source, whether it is the comparison) of the bounds that did not hold.
      missing: sources that a bound was set for and that no example came from.
    """

    candidate: Metrics
    baseline: Metrics
    failures: frozenset[tuple[str, bool]]
    missing: tuple[str, ...]


def read_evaluation(folder: str) -> Evaluation:
    """Reads a ModelEvaluation artifact's folder."""
    failures, missing = set(), []
    validation = tfma.load_validation_result(folder)
    for of_slice in validation.metric_validations_per_slice:
        for failure in of_slice.failures:
            failures.add((_slice_name(of_slice.slice_key), failure.metric_key.is_diff))
    for spec in validation.missing_slices:
        missing += list(spec.feature_values.values())
    # TFMA takes a model's name away where it is the only one.
    specs = tfma.load_eval_result(folder).config.model_specs
    names = {spec.is_baseline: spec.name for spec in specs}
    return Evaluation(
        _metrics(folder, names[False]),
        _metrics(folder, names[True]) if True in names else {},
        frozenset(failures),
        tuple(missing),
    )


def _slice_name(key: tfma.proto.metrics_for_slice_pb2.SliceKey) -> str:
    values = [part.bytes_value.decode() for part in key.single_slice_keys]
    return "/".join(values) or OVERALL


def _metrics(folder: str, model_name: str) -> Metrics:
    result = tfma.load_eval_result(folder, model_name=model_name)
    metrics: Metrics = {}
    for key, outputs in result.slicing_metrics:
        values = outputs.get("", {}).get("", {})
        name = "/".join(str(value) for _, value in key) or OVERALL
        metrics[name] = {metric: value["doubleValue"] for metric, value in values.items()}
    return {name: values for name, values in metrics.items() if values}


def by_corpus(metrics: Metrics) -> Metrics:
    """Metrics of whole corpora (``CORPUS``), and of all, from those of their sources."""
    sums: dict[str, Sums] = {}
    for source, values in metrics.items():
        corpus = source.partition("/")[0]
        correct = values[TOKEN_ACCURACY] * values[TOKENS]
        of_source = Sums(values[NATS], values[TOKENS], values[BYTES], correct)
        sums[corpus] = sums.get(corpus, Sums()).plus(of_source)
    return {corpus: all_metrics(of_corpus) for corpus, of_corpus in sums.items()}


def checks(
    config: EvaluatorConfig, evaluation: Evaluation, regression: Evaluation | None
) -> list[Check]:
    """Every bound of a run, in the order in which a reader asks for them."""
    value = evaluation.candidate[OVERALL][BITS_PER_BYTE]

    def check(gate: str, bound: float, result: Evaluation, is_diff: bool) -> Check:
        return Check(gate, BITS_PER_BYTE, value, bound, (OVERALL, is_diff) not in result.failures)

    found = [check("absolute bound", config.max_bits_per_byte, evaluation, False)]
    if evaluation.baseline:
        bigram = evaluation.baseline[OVERALL][BITS_PER_BYTE]
        gain = config.min_gain_over_bigram or 0.0
        gate = f"better than the bigram ({bigram:.4f}) by {gain:g}"
        found.append(check(gate, bigram - gain, evaluation, True))
    if regression and regression.baseline:
        last = regression.baseline[OVERALL][BITS_PER_BYTE]
        tolerance = config.tolerance or 0.0
        gate = f"not worse than the last blessed model ({last:.4f}) by more than {tolerance:g}"
        found.append(check(gate, last + tolerance, regression, True))
    return found + _slice_checks(config, evaluation)


def _slice_checks(config: EvaluatorConfig, evaluation: Evaluation) -> list[Check]:
    found = []
    for source, bound in config.slice_max_bits_per_byte.items():
        value = evaluation.candidate.get(source, {}).get(BITS_PER_BYTE, float("nan"))
        failed = (source, False) in evaluation.failures or source in evaluation.missing
        found.append(Check(f"source {source}", BITS_PER_BYTE, value, bound, not failed))
    return found
