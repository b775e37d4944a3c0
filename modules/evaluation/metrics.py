"""TFMA metrics over what a model's `evaluate` signature returns: sums first, ratios at the end.

The ratios are of sums over all examples of a slice, never means of ratios: a long text counts for
more than a short one, and slices add up. Named in an EvalConfig by class name and this module.
"""

from collections.abc import Iterable

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types

from gptfx.modules.evaluation.scoring import BYTES, CORRECT, NATS, TOKENS
from gptfx.modules.evaluation.sums import Sums, add_up, bits_per_byte, perplexity, token_accuracy

BITS_PER_BYTE, PERPLEXITY, TOKEN_ACCURACY = "bits_per_byte", "perplexity", "token_accuracy"


def all_metrics(sums: Sums) -> dict[str, float]:
    """Every metric by name; `nats`, `tokens` and `bytes` too, so that slices can be added up."""
    return {
        BITS_PER_BYTE: bits_per_byte(sums),
        PERPLEXITY: perplexity(sums),
        TOKEN_ACCURACY: token_accuracy(sums),
        NATS: sums.nats,
        TOKENS: sums.tokens,
        BYTES: sums.bytes,
    }


class LanguageModelMetrics(metric_types.Metric):
    """`bits_per_byte`, `perplexity`, `token_accuracy`, and the sums behind them, in one pass."""

    def __init__(self, name: str = "language_model") -> None:
        super().__init__(_computations, name=name)


metric_types.register_metric(LanguageModelMetrics)


def _computations(
    name: str = "language_model",
    model_names: list[str] | None = None,
) -> metric_types.MetricComputations:
    del name  # the keys carry the metrics' own names
    return [_computation(model_name) for model_name in model_names or [""]]


def _computation(model_name: str) -> metric_types.MetricComputation:
    keys = [_key(name, model_name) for name in all_metrics(Sums())]
    return metric_types.MetricComputation(
        keys=keys, preprocessors=None, combiner=SumOfPredictions(model_name)
    )


class SumOfPredictions(beam.CombineFn):
    """Adds up one model's predictions over the examples of a slice."""

    def __init__(self, model_name: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Beam's
        self.model_name = model_name

    def create_accumulator(self) -> Sums:
        """Nothing yet."""
        return Sums()

    def add_input(self, accumulator: Sums, element: metric_types.StandardMetricInputs) -> Sums:
        """Adds one example's predictions."""
        values = element.get_predictions(model_name=self.model_name)
        return accumulator.plus(
            Sums(*(float(np.sum(values[name])) for name in (NATS, TOKENS, BYTES, CORRECT)))
        )

    def merge_accumulators(self, accumulators: Iterable[Sums]) -> Sums:
        """Adds sums to sums."""
        return add_up(accumulators)

    def extract_output(self, accumulator: Sums) -> dict[metric_types.MetricKey, float]:
        """The metrics of the slice."""
        values = all_metrics(accumulator)
        return {_key(name, self.model_name): value for name, value in values.items()}


def _key(name: str, model_name: str) -> metric_types.MetricKey:
    # No example weights: a threshold is looked up by exactly this key.
    return metric_types.MetricKey(name, model_name=model_name, example_weighted=None)
