"""Training without a pipeline: texts in, a model out, by the modules that the pipeline uses.

Imports no TFX and no Beam. The same texts and configuration give the same tokenizer, tokens and
windows as in the pipeline.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from gptfx.data.corpora import TextCorpus
from gptfx.data.errors import InputError
from gptfx.modules.evaluation.scoring import BYTES, NATS, TOKENS
from gptfx.modules.evaluation.sums import Sums, bits_per_byte
from gptfx.modules.export.serving_model import Sampler, ServingModel
from gptfx.modules.language_model import LanguageModel, language_model
from gptfx.modules.models.bigram import BigramCounts, fit_bigram
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.training.curves import BytesPerToken, Point
from gptfx.modules.training.loop import Watch
from gptfx.modules.training.packing import Stream
from gptfx.modules.training.texts import make_tokenizer_of, read_splits, tokenize
from gptfx.modules.training.train import train_gpt
from gptfx.modules.training.train_bigram import Comparison, compare, train_bigram
from gptfx.modules.training.windows import InMemory, Mixture
from gptfx.pipeline.config import Config


@dataclass(frozen=True)
class Data:
    """The texts of a run as a model learns from them, and as it is judged by them."""

    tokenizer: GraphTokenizer
    train: Stream
    validation: Stream
    eval_texts: list[bytes]
    sizes: BytesPerToken


class Trained(NamedTuple):
    """What came of a training; `comparison` of a bigram that was trained by gradient."""

    model: LanguageModel
    points: list[Point]
    comparison: Comparison | None = None


class Judgement(NamedTuple):
    """How well a model predicts the eval split."""

    nats_per_token: float
    bits_per_byte: float


def prepare(config: Config, corpora: Iterable[TextCorpus]) -> Data:
    """Reads, counts and encodes the texts.

    Raises InputError where there is nothing to judge by, and as `make_tokenizer` does.
    """
    files = [file for corpus in corpora for file in corpus.files]
    texts = read_splits(files, config.data.eval_fraction, config.data.passage_bytes)
    if not texts.validation:
        remedy = "add text to the corpus, or change data.eval_fraction"
        raise InputError("the eval split of the corpus is empty", "0 passages", remedy)
    tokenizer = GraphTokenizer(make_tokenizer_of(texts.train, config.tokenizer))
    train, validation = tokenize(texts, tokenizer)
    eval_texts = [text.text for text in texts.validation]
    sizes = BytesPerToken.of(tokenizer.source.token_bytes, train.ids, validation.ids)
    return Data(tokenizer, train, validation, eval_texts, sizes)


def train(config: Config, data: Data, watch: Watch) -> Trained:
    """Fits the configured model. Raises InputError and DivergedError as `train_gpt` does."""
    if config.model.kind == "bigram":
        return _train_bigram(config, data, watch)
    block_size, vocab_size = config.model.block_size, data.tokenizer.vocab_size
    mixture = Mixture.of(data.train, config.data.weights, block_size)
    gpt, points = train_gpt(
        config.model,
        vocab_size,
        config.trainer,
        partial(InMemory, data.train.ids, config.trainer, block_size, mixture),
        watch,
        Sampler(data.tokenizer, config.generation),
        data.tokenizer.digest,
    )
    frozen = language_model(gpt, vocab_size, block_size, config.generation.weights)
    return Trained(frozen, points)


def _train_bigram(config: Config, data: Data, watch: Watch) -> Trained:
    """The model is the table from counts, as in the pipeline; beside it one is trained."""
    stream, trainer, block_size = data.train.ids, config.trainer, config.model.block_size
    size = data.tokenizer.vocab_size
    exact = language_model(fit_bigram([stream], size, config.bigram), size, block_size)
    if not trainer.steps:
        return Trained(exact, [])
    windows = partial(InMemory, stream, trainer, block_size)
    trained, points = train_bigram(size, trainer, windows, block_size, watch)
    return Trained(exact, points, compare(BigramCounts.of([stream], size), trained, exact))


def judge(model: ServingModel, data: Data) -> Judgement:
    """As the pipeline's Evaluator does: every passage on its own, every token once."""
    total, at_once = Sums(), model.config.largest_batch
    for start in range(0, len(data.eval_texts), at_once):
        scored = model.score(tf.constant(data.eval_texts[start : start + at_once]))
        some = (np.sum(scored[key], dtype=np.float64) for key in (NATS, TOKENS, BYTES))
        total = total.plus(Sums(*map(float, some)))
    return Judgement(total.nats_per_token, bits_per_byte(total))


def say(model: ServingModel, prompt: str) -> str:
    """The continuation of a prompt."""
    # An argument of the command line may hold half characters; the model replaces them.
    spoken = model.speak(tf.constant([prompt.encode("utf-8", "surrogatepass")]))
    return str(spoken["text"].numpy()[0].decode())
