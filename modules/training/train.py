"""The whole training of a GPT, from a configuration to weights; with or without a pipeline."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import tensorflow as tf

from gptfx.modules.config import ModelConfig, TrainerConfig
from gptfx.modules.models.gpt import GPT
from gptfx.modules.training.curves import Point
from gptfx.modules.training.devices import strategy
from gptfx.modules.training.loop import Watch, fit
from gptfx.modules.training.start import new_gpt, start_from
from gptfx.modules.training.windows import Source


def train_gpt(
    model_config: ModelConfig,
    vocab_size: int,
    config: TrainerConfig,
    make_source: Callable[[], Source],
    watch: Watch | None = None,
    sample: Callable[[GPT], str] | None = None,
    tokenizer_digest: str | None = None,
) -> tuple[GPT, list[Point]]:
    """Makes a GPT and fits it, on the devices and in the precision that were asked for.

    Args:
      model_config: of the model.
      vocab_size: number of ids.
      config: of the training.
      make_source: opens the data; called on the devices.
      watch: see `Watch`.
      sample: makes a text with the model as it is; called every `config.sample_every` steps.
      tokenizer_digest: of the tokenizer, so that a model with another is not started from.

    Returns:
      A float32 model that depends on no strategy, and the curves.

    Raises:
      InputError: a device, a model to start from, or enough data is missing.
      DivergedError: see `fit`.
    """
    chosen = strategy(config)
    with chosen.scope():
        keras.utils.set_random_seed(config.seed)
        model = new_gpt(model_config, vocab_size, config.precision)
        if config.init_from:
            start_from(model, Path(config.init_from), tokenizer_digest)
        watch = watch or Watch()
        if sample is not None:
            watch = replace(watch, sample=lambda: sample(model))
        points = fit(model, make_source(), config, model_config.block_size, watch)
    if config.precision == "float32" and isinstance(chosen, tf.distribute.OneDeviceStrategy):
        return model, points
    plain = new_gpt(model_config, vocab_size)
    for mine, theirs in zip(plain.weights, model.weights, strict=True):
        mine.assign(theirs.numpy())
    return plain, points
