"""A model is blessed if every bound holds; the metrics are sums over the eval split."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tfx.types import Artifact, Channel, artifact_utils, standard_artifacts

from gptfx.components.evaluator.checks import Bounds, checks, read_bounds
from gptfx.components.evaluator.component import GateEvaluator
from gptfx.components.evaluator.eval_config import bounds, eval_config
from gptfx.components.evaluator.evaluation import OVERALL, read_evaluation
from gptfx.components.evaluator.executor import NOTHING_TO_COMPARE
from gptfx.components.examples import EVAL, read_raw_examples
from gptfx.components.exported import exported_folder
from gptfx.components.last_blessed.executor import ABSENT
from gptfx.modules.evaluation.scoring import BYTES, CORRECT, NATS, TOKENS

Artifacts = dict[str, Artifact]
Judge = Callable[..., Artifacts]
Metrics = dict[str, dict[str, float]]
BELLS, GREEN = "rhymes/bells.txt", "rhymes/more/grün.txt"
HAIR = 1e-4  # bits per byte


@pytest.fixture(scope="module")
def judge(
    execute: Callable[..., Artifacts],
    examples: Artifact,
    tmp_path_factory: pytest.TempPathFactory,
) -> Judge:
    """Runs GateEvaluator."""

    def run(
        candidate: Artifact,
        baseline: Artifact | None = None,
        max_bits_per_byte: float | None = None,
        max_change: float | None = None,
        slices: dict[str, float] | None = None,
    ) -> Artifacts:
        threshold = bounds(max_bits_per_byte, max_change)
        models = Channel(type=standard_artifacts.Model)
        node = GateEvaluator(
            Channel(type=standard_artifacts.Examples),
            models,
            eval_config(threshold, slices or {}, bool(baseline)),
            models if baseline else None,
        )
        inputs = {"examples": examples, "model": candidate}
        inputs |= {"baseline_model": baseline} if baseline else {}
        return execute(node, tmp_path_factory.mktemp("evaluator"), inputs)

    return run


def is_blessed(judged: Artifacts) -> bool:
    """TFX says it twice; both must agree."""
    blessing = judged["blessing"]
    has_file = (Path(blessing.uri) / "BLESSED").exists()
    assert blessing.get_int_custom_property("blessed") == int(has_file)
    return has_file


def metrics_by_hand(model: Artifact, examples: Artifact) -> Metrics:
    """Sums of what the `evaluate` signature says, example by example."""
    evaluate = tf.saved_model.load(str(exported_folder(model))).signatures["evaluate"]
    sums: Metrics = {}
    for example in read_raw_examples(artifact_utils.get_split_uri([examples], EVAL)):
        result = evaluate(examples=tf.constant([example.serialize()]))
        for name in (OVERALL, example.source.decode()):
            of_slice = sums.setdefault(name, {})
            for key, value in result.items():
                of_slice[key] = of_slice.get(key, 0.0) + float(value[0])
    return {
        name: {
            "bits_per_byte": of_slice[NATS] / math.log(2) / of_slice[BYTES],
            "perplexity": math.exp(of_slice[NATS] / of_slice[TOKENS]),
            "token_accuracy": of_slice[CORRECT] / of_slice[TOKENS],
            **{key: of_slice[key] for key in (NATS, TOKENS, BYTES)},
        }
        for name, of_slice in sums.items()
    }


@pytest.fixture(scope="module")
def of_gpt(gpt: Artifacts, examples: Artifact) -> Metrics:
    return metrics_by_hand(gpt["model"], examples)


@pytest.fixture(scope="module")
def of_bigram(bigram: Artifacts, examples: Artifact) -> Metrics:
    return metrics_by_hand(bigram["model"], examples)


@pytest.fixture(scope="module")
def just_enough(
    judge: Judge, bigram: Artifacts, gpt: Artifacts, of_bigram: Metrics, of_gpt: Metrics
) -> Artifacts:
    """The bigram model against the hardly trained GPT, every bound set by a hair's breadth."""
    value, other = of_bigram[OVERALL]["bits_per_byte"], of_gpt[OVERALL]["bits_per_byte"]
    return judge(
        bigram["model"],
        gpt["model"],
        max_bits_per_byte=value + HAIR,
        max_change=value - other + HAIR,
        slices={name: of_bigram[name]["bits_per_byte"] + HAIR for name in (BELLS, GREEN)},
    )


def test_every_metric_is_that_of_the_signature_overall_and_per_source_for_both_models(
    just_enough: Artifacts, of_bigram: Metrics, of_gpt: Metrics
) -> None:
    found = read_evaluation(just_enough["evaluation"].uri)
    for metrics, by_hand in ((found.candidate, of_bigram), (found.baseline, of_gpt)):
        assert set(metrics) == {OVERALL, BELLS, GREEN}
        for name, values in by_hand.items():
            measured = {key: metrics[name][key] for key in values}
            assert measured == pytest.approx(values, rel=1e-6)


def test_sources_add_up_to_the_whole(just_enough: Artifacts, texts: dict[str, bytes]) -> None:
    metrics = read_evaluation(just_enough["evaluation"].uri).candidate
    for key in (NATS, TOKENS, BYTES):
        total = sum(values[key] for name, values in metrics.items() if name != OVERALL)
        assert metrics[OVERALL][key] == pytest.approx(total)
    assert metrics[OVERALL][BYTES] < sum(map(len, texts.values())) / 3  # the eval split alone


def test_a_model_just_within_every_bound_is_blessed(just_enough: Artifacts) -> None:
    assert is_blessed(just_enough)
    found = read_evaluation(just_enough["evaluation"].uri)
    assert (found.failures, found.missing) == (frozenset(), ())


def test_the_bounds_come_back_from_the_evaluation_with_the_verdicts(
    just_enough: Artifacts, of_bigram: Metrics, of_gpt: Metrics
) -> None:
    value, other = of_bigram[OVERALL]["bits_per_byte"], of_gpt[OVERALL]["bits_per_byte"]
    slices = {name: of_bigram[name]["bits_per_byte"] + HAIR for name in (BELLS, GREEN)}
    folder = just_enough["evaluation"].uri
    bounds = read_bounds(folder, folder)
    assert bounds.max_bits_per_byte == pytest.approx(value + HAIR)
    assert bounds.min_gain_over_bigram == pytest.approx(other - value - HAIR)
    assert bounds.tolerance == -bounds.min_gain_over_bigram
    assert bounds.slice_max_bits_per_byte == pytest.approx(slices)
    found = checks(bounds, read_evaluation(folder), None)
    assert [check.passed for check in found] == [True] * 4
    assert [check.bound - check.value for check in found] == pytest.approx([HAIR] * 4, rel=0.01)


def test_without_a_baseline_the_absolute_bound_is_all_there_is(
    judge: Judge, bigram: Artifacts, of_bigram: Metrics
) -> None:
    bound = of_bigram[OVERALL]["bits_per_byte"] - HAIR
    folder = judge(bigram["model"], max_bits_per_byte=bound)["evaluation"].uri
    assert read_bounds(folder) == Bounds(pytest.approx(bound))
    (check,) = checks(read_bounds(folder), read_evaluation(folder), None)
    assert (check.gate, check.passed) == ("absolute bound", False)


def test_the_blessing_names_the_model_and_what_it_was_compared_with(
    just_enough: Artifacts, bigram: Artifacts, gpt: Artifacts
) -> None:
    blessing = just_enough["blessing"]
    assert blessing.get_string_custom_property("current_model") == bigram["model"].uri
    assert blessing.get_string_custom_property("baseline_model") == gpt["model"].uri
    assert noted(blessing, "refused") == []
    assert just_enough["evaluation"].get_int_custom_property(NOTHING_TO_COMPARE) == 0


def test_a_model_just_above_the_bound_is_refused(
    judge: Judge, bigram: Artifacts, of_bigram: Metrics
) -> None:
    bound = of_bigram[OVERALL]["bits_per_byte"] - HAIR
    judged = judge(bigram["model"], max_bits_per_byte=bound)
    assert not is_blessed(judged)
    assert read_evaluation(judged["evaluation"].uri).failures == {(OVERALL, False)}
    value = of_bigram[OVERALL]["bits_per_byte"]
    assert noted(judged["blessing"], "refused") == [
        f"absolute bound: bits_per_byte {value:.4f} is above the bound {bound:.4f}"
    ]
    metrics = noted(judged["evaluation"], "metrics")
    assert metrics["bits_per_byte"] == pytest.approx(value)
    assert set(metrics) == {"bits_per_byte", "perplexity", "token_accuracy"}


def noted(artifact: Artifact, name: str) -> Any:
    """What a custom property holds as JSON."""
    return json.loads(artifact.get_string_custom_property(name))


def test_a_model_worse_than_the_last_is_refused_with_both_figures(
    judge: Judge, bigram: Artifacts, gpt: Artifacts, of_bigram: Metrics, of_gpt: Metrics
) -> None:
    value, last = of_gpt[OVERALL]["bits_per_byte"], of_bigram[OVERALL]["bits_per_byte"]
    judged = judge(gpt["model"], bigram["model"], max_change=value - last - HAIR)
    bound = value - HAIR
    assert noted(judged["blessing"], "refused") == [
        f"not worse than the last blessed model ({last:.4f}) by more than {bound - last:g}:"
        f" bits_per_byte {value:.4f} is above the bound {bound:.4f}"
    ]
    assert noted(judged["evaluation"], "metrics")["baseline_bits_per_byte"] == pytest.approx(last)


def test_a_gain_just_too_small_is_refused_whatever_the_model_s_own_bound(
    judge: Judge, bigram: Artifacts, gpt: Artifacts, of_bigram: Metrics, of_gpt: Metrics
) -> None:
    change = of_bigram[OVERALL]["bits_per_byte"] - of_gpt[OVERALL]["bits_per_byte"]
    judged = judge(bigram["model"], gpt["model"], max_bits_per_byte=100.0, max_change=change - HAIR)
    assert not is_blessed(judged)
    assert read_evaluation(judged["evaluation"].uri).failures == {(OVERALL, True)}


def test_one_source_above_its_bound_is_enough_to_refuse(
    judge: Judge, bigram: Artifacts, of_bigram: Metrics
) -> None:
    bound = of_bigram[BELLS]["bits_per_byte"] - HAIR
    judged = judge(bigram["model"], max_bits_per_byte=100.0, slices={BELLS: bound})
    assert not is_blessed(judged)
    assert read_evaluation(judged["evaluation"].uri).failures == {(BELLS, False)}


def test_a_bound_for_a_source_that_is_not_there_refuses(judge: Judge, bigram: Artifacts) -> None:
    judged = judge(bigram["model"], max_bits_per_byte=100.0, slices={"rhymes/gone.txt": 100.0})
    assert not is_blessed(judged)
    assert read_evaluation(judged["evaluation"].uri).missing == ("rhymes/gone.txt",)


def test_without_an_earlier_model_the_first_one_is_blessed(
    judge: Judge, bigram: Artifacts, tmp_path: Path
) -> None:
    absent = standard_artifacts.Model()
    absent.uri = str(tmp_path)
    absent.set_int_custom_property(ABSENT, 1)
    judged = judge(bigram["model"], absent, max_change=-100.0)
    assert is_blessed(judged)
    assert judged["blessing"].get_string_custom_property("current_model") == bigram["model"].uri
    assert judged["evaluation"].get_int_custom_property(NOTHING_TO_COMPARE) == 1
