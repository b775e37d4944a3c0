"""The bounds of a run's configuration, held against what the Evaluators found."""

from gptfx.components.evaluator.checks import Bounds, Check
from gptfx.components.evaluator.checks import checks as checks_of
from gptfx.components.evaluator.evaluation import Evaluation
from gptfx.pipeline.config import EvaluatorConfig


def checks(
    config: EvaluatorConfig, evaluation: Evaluation, regression: Evaluation | None
) -> list[Check]:
    """Every bound of a run, in the order in which a reader asks for them."""
    bounds = Bounds(
        config.max_bits_per_byte,
        config.min_gain_over_bigram or 0.0,
        config.tolerance or 0.0,
        config.slice_max_bits_per_byte,
    )
    return checks_of(bounds, evaluation, regression)
