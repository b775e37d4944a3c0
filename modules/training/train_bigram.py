"""The bigram trained by gradient, as a lecture on GPT begins; and whether it got where it can."""

from collections.abc import Callable
from typing import NamedTuple

import keras

from gptfx.modules.config import TrainerConfig
from gptfx.modules.language_model import LanguageModel, language_model
from gptfx.modules.models.bigram import BigramCounts, TrainableBigram
from gptfx.modules.training.curves import Point
from gptfx.modules.training.devices import strategy
from gptfx.modules.training.loop import Watch, fit
from gptfx.modules.training.windows import Source


class Comparison(NamedTuple):
    """Three bigram tables on the text they were made from, nats a token each."""

    optimum: float
    """Counts without smoothing: what training goes towards and never gets below."""
    trained: float
    """The table that was trained by gradient."""
    smoothed: float
    """Counts with smoothing: above the optimum here, better on texts that are new."""


def train_bigram(
    vocab_size: int,
    config: TrainerConfig,
    make_source: Callable[[], Source],
    block_size: int,
    watch: Watch | None = None,
) -> tuple[TrainableBigram, list[Point]]:
    """Makes a table of logits and fits it with the loop that fits a GPT.

    Args:
      vocab_size: number of ids.
      config: of the training; weight decay should be 0, or it holds the logits back.
      make_source: opens the data; called on the devices.
      block_size: of the windows; to the bigram they are nothing but pairs.
      watch: see `Watch`.

    Raises:
      InputError: the vocabulary is too large for a table, a device is missing, or there is too
        little text.
      DivergedError: see `fit`.
    """
    with strategy(config).scope():
        keras.utils.set_random_seed(config.seed)
        model = TrainableBigram(vocab_size)
        return model, fit(model, make_source(), config, block_size, watch)


def compare(counts: BigramCounts, trained: TrainableBigram, smoothed: LanguageModel) -> Comparison:
    """How near the trained table came, on the stream that was counted."""
    view = language_model(trained, counts.vocab_size, smoothed.block_size)
    return Comparison(
        counts.entropy, counts.mean_nats(view.score), counts.mean_nats(smoothed.score)
    )
