"""What the gates said of a model: metrics by slice beside the baseline's, bounds, verdicts."""

from dataclasses import asdict
from typing import Any

from tfx.types import artifact_utils

from gptfx.components.blessings import INFRA, is_blessed
from gptfx.components.evaluator.checks import Check, checks, read_bounds
from gptfx.components.evaluator.evaluation import (
    OVERALL,
    Evaluation,
    Metrics,
    by_corpus,
    read_evaluation,
)
from gptfx.components.evaluator.executor import NOTHING_TO_COMPARE
from gptfx.components.infra_validator.driver import BLESSED
from gptfx.components.infra_validator.executor import FIRST_REQUEST_SECONDS, LOAD_SECONDS, REASON
from gptfx.components.model_card.inputs import EVALUATION, REGRESSION, Given, Json
from gptfx.modules.evaluation.metrics import BITS_PER_BYTE, PERPLEXITY, TOKEN_ACCURACY
from gptfx.modules.evaluation.scoring import BYTES, TOKENS

SHOWN = (BITS_PER_BYTE, PERPLEXITY, TOKEN_ACCURACY, TOKENS, BYTES)
ALL = "all"


def describe_judgement(given: Given) -> Json:
    """`blessed`, `refused`, `metrics`, `gates` and `answers`."""
    folder = given.artifact(EVALUATION).uri
    regression_folder = _regression_folder(given)
    evaluation = read_evaluation(folder)
    regression = read_evaluation(regression_folder) if regression_folder else None
    found = checks(read_bounds(folder, regression_folder), evaluation, regression)
    answers, blessed = _answers(given), is_blessed(given.artifacts)
    return {
        "blessed": blessed,
        "refused": [] if blessed else _reasons(found, answers),
        "metrics": _metrics(evaluation),
        "gates": [asdict(check) for check in found],
        "answers": answers,
    }


def _regression_folder(given: Given) -> str | None:
    if REGRESSION not in given.artifacts:
        return None
    artifact = given.artifact(REGRESSION)
    nothing = artifact.get_int_custom_property(NOTHING_TO_COMPARE)
    return None if nothing else str(artifact.uri)


def _answers(given: Given) -> Json | None:
    if INFRA not in given.artifacts:
        return None
    noted: Any = artifact_utils.get_single_instance(given.artifacts[INFRA]).get_custom_property
    return {
        "passed": bool(noted(BLESSED)),
        "reason": noted(REASON) or "",
        LOAD_SECONDS: noted(LOAD_SECONDS),
        FIRST_REQUEST_SECONDS: noted(FIRST_REQUEST_SECONDS),
    }


def _reasons(found: list[Check], answers: Json | None) -> list[str]:
    reasons = [str(check) for check in found if not check.passed]
    if answers and not answers["passed"]:
        reasons.append(f"infra validation: {answers['reason']}")
    return reasons


def _metrics(evaluation: Evaluation) -> list[Json]:
    """All, then corpora, then their sources."""
    rows = []
    model, baseline = (_by_slice(each) for each in (evaluation.candidate, evaluation.baseline))
    for of, name in sorted(model, key=lambda key: ((ALL, "corpus", "source").index(key[0]), key)):
        values, other = model[of, name], baseline.get((of, name))
        rows.append({"slice": name or ALL, "of": of, "model": values, "baseline": other})
    return rows


def _by_slice(metrics: Metrics) -> dict[tuple[str, str], Json]:
    """By what the slice is of, and its name."""
    sources = {name: values for name, values in metrics.items() if name != OVERALL}
    slices = {("source", name): values for name, values in sources.items()}
    slices |= {("corpus", name): values for name, values in by_corpus(sources).items()}
    if OVERALL in metrics:
        slices[ALL, OVERALL] = metrics[OVERALL]
    return {key: {name: values[name] for name in SHOWN} for key, values in slices.items()}
