"""TFMA's side: sums are added up, and ratios are taken at the end."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from tensorflow_model_analysis.metrics import metric_types

from gptfx.modules.evaluation.metrics import LanguageModelMetrics, SumOfPredictions, Sums

SHORT = Sums(nats=2 * math.log(2), tokens=1, bytes=1, correct=1)
LONG = Sums(nats=6 * math.log(2), tokens=3, bytes=15, correct=0)


def inputs(*examples: Sums) -> metric_types.StandardMetricInputs:
    """One element as the evaluator hands it over: each key with an array over the examples."""
    columns = zip(*examples, strict=True)
    values = {
        key: np.array(column, np.float32) for key, column in zip(Sums._fields, columns, strict=True)
    }
    return metric_types.StandardMetricInputs({"predictions": values})


def evaluate(*shards: Sequence[metric_types.StandardMetricInputs]) -> dict[str, float]:
    """What Beam does: each shard by itself, then all together."""
    combiner = SumOfPredictions("")
    accumulators = []
    for shard in shards:
        accumulator = combiner.create_accumulator()
        for element in shard:
            accumulator = combiner.add_input(accumulator, element)
        accumulators.append(accumulator)
    output = combiner.extract_output(combiner.merge_accumulators(accumulators))
    return {key.name: value for key, value in output.items()}


def test_the_ratios_are_of_sums_not_means_of_ratios() -> None:
    assert evaluate([inputs(SHORT), inputs(LONG)]) == pytest.approx(
        {
            "bits_per_byte": 8 / 16,  # 8 bits for 16 bytes; the mean of ratios would be 1.2
            "perplexity": 2**2,  # 8 bits for 4 tokens
            "token_accuracy": 1 / 4,
            "nats": 8 * math.log(2),
            "tokens": 4,
            "bytes": 16,
        }
    )


def test_it_does_not_matter_how_the_examples_are_spread_over_workers() -> None:
    together = evaluate([inputs(SHORT, LONG, LONG)])
    assert evaluate([inputs(SHORT)], [], [inputs(LONG), inputs(LONG)]) == pytest.approx(together)


def test_nothing_at_all_has_no_ratio() -> None:
    values = evaluate()
    assert math.isnan(values["bits_per_byte"])
    assert math.isnan(values["perplexity"])
    assert math.isnan(values["token_accuracy"])
    assert (values["nats"], values["tokens"], values["bytes"]) == (0.0, 0.0, 0.0)


def test_a_model_that_knows_nothing_has_a_finite_perplexity() -> None:
    assert math.isfinite(evaluate([inputs(Sums(nats=1e6, tokens=1, bytes=1))])["perplexity"])


def test_every_model_gets_its_own_keys() -> None:
    computations = LanguageModelMetrics().computations(model_names=["candidate", "baseline"])
    keys = [key for computation in computations for key in computation.keys]
    assert {key.model_name for key in keys} == {"candidate", "baseline"}
    assert len(keys) == len(set(keys)) == 12


def test_an_eval_config_finds_the_metric_by_its_class_name() -> None:
    assert metric_types.is_registered_metric("LanguageModelMetrics")
