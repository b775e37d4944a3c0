"""What an Evaluator found, read back: metrics by source, and which bounds did not hold."""

from dataclasses import dataclass

import tensorflow_model_analysis as tfma

from gptfx.modules.evaluation.metrics import (
    TOKEN_ACCURACY,
    Sums,
    all_metrics,
)
from gptfx.modules.evaluation.scoring import BYTES, NATS, TOKENS

OVERALL = ""  # the name of the slice of all examples
Metrics = dict[str, dict[str, float]]  # by source, then by metric


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
