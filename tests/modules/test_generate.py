"""The writing loop equals the plain one: look at the last tokens, choose, append, again."""

import numpy as np
import pytest
import tensorflow as tf

from gptfx.modules.config import BigramConfig
from gptfx.modules.generation.generate import generate
from gptfx.modules.generation.sampling import Sampling, sample, uniform_draws
from gptfx.modules.language_model import LanguageModel, language_model
from gptfx.modules.models.bigram import fit_bigram
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.tokenizers.tokenizer import Tokenizer


def settings(rows: int, temperature: float) -> Sampling:
    return Sampling(tf.fill([rows], temperature), tf.fill([rows], 0), tf.fill([rows], 1.0))


def write_plainly(
    prompt: bytes, count: int, temperature: float, seed: int, tokenizer: Tokenizer, model: tf.Module
) -> bytes:
    """One prompt, one token at a time, nothing clever."""
    ids = tokenizer.encode(prompt) or [tokenizer.separator_id]
    draws, new = uniform_draws(tf.constant([seed], tf.int64), tf.constant(count)), []
    for step in range(count):
        context = np.array([(ids + new)[-model.block_size :]], np.int32)
        logits = model.model(context)[:, -1]
        chosen = int(sample(logits, draws[:, step], settings(1, temperature))[0])
        if chosen == tokenizer.separator_id:
            break
        new.append(chosen)
    return tokenizer.decode(new).decode("utf-8", "replace").encode()


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_it_writes_what_the_plain_loop_writes_also_beyond_the_block(
    lively_model: LanguageModel,
    graph_tokenizer: GraphTokenizer,
    tokenizer: Tokenizer,
    temperature: float,
) -> None:
    prompts = [b"", b"To be", b"a much longer prompt than a block holds"]
    count, rows = 12, len(prompts)  # a block holds 8
    answer = tf.function(generate)(
        tf.constant(prompts),
        tf.fill([rows], count),
        settings(rows, temperature),
        tf.range(rows, dtype=tf.int64),
        graph_tokenizer,
        lively_model,
    )
    for row, prompt in enumerate(prompts):
        plain = write_plainly(prompt, count, temperature, row, tokenizer, lively_model)
        assert answer["text"][row].numpy() == plain


@pytest.mark.parametrize("dense_up_to", [8192, 0], ids=["dense", "sparse"])
def test_the_separator_ends_a_text(dense_up_to: int) -> None:
    bare = Tokenizer(())  # ids are bytes, 256 is the separator
    documents = np.array([256, ord("a"), ord("b")] * 9 + [256], np.int32)  # "ab", and the end
    config = BigramConfig(smoothing=0.1, dense_up_to=dense_up_to)
    model = language_model(fit_bigram([documents], 257, config), 257, block_size=4)
    answer = tf.function(generate)(
        tf.constant([b"", b"a", b"b", b"", b"", b""]),
        tf.constant([9, 9, 9, 2, 1, 0]),
        settings(6, temperature=0.0),
        tf.zeros([6], tf.int64),
        GraphTokenizer(bare),
        model,
    )
    assert answer["text"].numpy().tolist() == [b"ab", b"b", b"", b"ab", b"a", b""]
    assert answer["tokens"].numpy().tolist() == [2, 1, 0, 2, 1, 0]
    reasons = [b"stop", b"stop", b"stop", b"length", b"length", b"length"]
    assert answer["finish_reason"].numpy().tolist() == reasons
