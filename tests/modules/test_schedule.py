"""The learning rate climbs, and comes down as its schedule says."""

import pytest
import tensorflow as tf

from gptfx.modules.config import TrainerConfig
from gptfx.modules.training.schedule import learning_rate

CONFIG = TrainerConfig(steps=10, warmup_steps=4, learning_rate=0.1)


def rate(step: float, **changes: float) -> float:
    config = CONFIG.model_copy(update=changes)
    return float(learning_rate(tf.constant(step, tf.float32), config)) / config.learning_rate


def test_the_learning_rate_climbs_to_its_peak_and_falls_to_its_floor() -> None:
    assert [rate(step) for step in range(4)] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert rate(4) == pytest.approx(1.0)
    assert rate(7) == pytest.approx((1 + 0.05) / 2)  # half way down
    assert rate(10) == rate(11) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("changes", "step", "expected"),
    [
        ({"warmup_steps": 0}, 0, 1.0),
        ({"warmup_steps": 10}, 9, 1.0),
        ({"warmup_steps": 100}, 9, 0.1),  # the peak lies beyond the end
        ({"min_learning_rate_ratio": 0.0}, 10, 0.0),
        ({"min_learning_rate_ratio": 1.0}, 10, 1.0),
        ({"steps": 1, "warmup_steps": 0}, 0, 1.0),
    ],
)
def test_at_its_corners(changes: dict[str, float], step: int, expected: float) -> None:
    assert rate(step, **changes) == pytest.approx(expected, abs=1e-6)


def test_it_stays_at_its_peak_and_then_falls_in_a_straight_line() -> None:
    changes = {"schedule": "warmup-stable-decay", "decay_share": 0.4, "steps": 20}
    assert [rate(step, **changes) for step in range(4)] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert [rate(step, **changes) for step in (4, 8, 12)] == pytest.approx([1.0, 1.0, 1.0])
    assert rate(16, **changes) == pytest.approx((1 + 0.05) / 2)
    assert rate(20, **changes) == pytest.approx(0.05)


def test_where_warm_up_and_decay_overlap_the_smaller_counts() -> None:
    changes = {"schedule": "warmup-stable-decay", "decay_share": 1.0, "steps": 8}
    assert rate(0, **changes) == pytest.approx(0.25)
    assert rate(4, **changes) == pytest.approx(0.05 + 0.95 * 0.5)
