"""What is said of a node that failed."""

import pytest
import tensorflow as tf

from gptfx.pipeline.records import Run
from gptfx.pipeline.runner import NodeFailedError

DAMAGED = tf.errors.DataLossError(None, None, "inflate() failed with error -3")


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (OSError("no paper"), "node trainer failed: OSError: no paper"),
        (DAMAGED, "the same command with --no-cache mends it"),
    ],
)
def test_a_file_of_the_cache_that_was_damaged_is_told_with_its_remedy(
    cause: Exception, said: str
) -> None:
    error = NodeFailedError("trainer", cause, Run("1", "gptfx-smoke", {}, 0.0))
    assert str(error).startswith("node trainer failed: ")
    assert str(error).endswith(said)
