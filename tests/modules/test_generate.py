"""The writing loop equals the plain one: look at the last tokens, choose, append, again."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from gptfx.modules.config import BigramConfig
from gptfx.modules.generation.generate import generate, generate_compiled
from gptfx.modules.generation.requests import Request
from gptfx.modules.generation.sampling import Sampling, penalize, sample, uniform_draws
from gptfx.modules.generation.stopping import cut_at_stops, longest_stop
from gptfx.modules.language_model import LanguageModel, language_model
from gptfx.modules.models.bigram import fit_bigram
from gptfx.modules.models.gpt import GPT
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.tokenizers.tokenizer import Tokenizer

PROMPTS = [b"", b"To be", b"a much longer prompt than a block holds"]
BLOCK_SIZE = 8  # of `make_gpt`


def request_for(
    prompts: list[bytes],
    counts: list[int],
    temperature: float = 0.0,
    penalty: float | None = None,
    stops: list[str] | None = None,
) -> Request:
    """Row b has seed b."""
    rows = len(prompts)
    sampling = Sampling(
        tf.fill([rows], temperature),
        tf.fill([rows], 0),
        tf.fill([rows], 1.0),
        repetition_penalty=None if penalty is None else tf.fill([rows], penalty),
    )
    return Request(
        tf.constant(prompts),
        tf.constant(counts),
        sampling,
        tf.range(rows, dtype=tf.int64),
        None if stops is None else tf.constant(stops),
    )


def write(how: Callable[..., Any], request: Request, *others: Any) -> dict[str, list[Any]]:
    """The answer of `generate` or `generate_compiled`, in a graph."""
    answer = tf.function(lambda: how(request, *others), autograph=False)()
    return {name: values.numpy().tolist() for name, values in answer.items()}


def write_plainly(
    prompt: bytes,
    count: int,
    temperature: float,
    seed: int,
    tokenizer: Tokenizer,
    model: LanguageModel,
    penalty: float = 1.0,
) -> bytes:
    """One prompt, one token at a time, nothing clever."""
    ids = (tokenizer.encode(prompt) or [tokenizer.separator_id])[-model.block_size :]
    draws, new = uniform_draws(tf.constant([seed], tf.int64), tf.constant(count)), []
    for step in range(count):
        context = np.array([(ids + new)[-model.block_size :]], np.int32)
        seen = np.isin(np.arange(model.vocab_size), ids + new)[None]
        logits = penalize(model.model(context)[:, -1], seen, tf.constant([penalty]))
        sampling = request_for([b""], [0], temperature).sampling
        chosen = int(sample(logits, draws[:, step], sampling)[0])
        if chosen == tokenizer.separator_id:
            break
        new.append(chosen)
    return tokenizer.decode(new).decode("utf-8", "replace").encode()


@pytest.mark.parametrize("how", [generate, generate_compiled])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_it_writes_what_the_plain_loop_writes_also_beyond_the_block(
    lively_model: LanguageModel,
    graph_tokenizer: GraphTokenizer,
    tokenizer: Tokenizer,
    temperature: float,
    how: Callable[..., Any],
) -> None:
    count = 12  # a block holds 8
    request = request_for(PROMPTS, [count] * 3, temperature)
    answer = write(how, request, graph_tokenizer, lively_model, True)
    for row, prompt in enumerate(PROMPTS):
        plain = write_plainly(prompt, count, temperature, row, tokenizer, lively_model)
        assert answer["text"][row] == plain


def test_the_penalty_counts_prompt_and_text_but_not_what_stands_before_shorter_prompts(
    lively_model: LanguageModel, graph_tokenizer: GraphTokenizer, tokenizer: Tokenizer
) -> None:
    request = request_for(PROMPTS[:2], [12, 12], penalty=3.0)
    answer = write(generate, request, graph_tokenizer, lively_model, True)
    for row, prompt in enumerate(PROMPTS[:2]):
        plain = write_plainly(prompt, 12, 0.0, row, tokenizer, lively_model, penalty=3.0)
        assert answer["text"][row] == plain
        assert plain != write_plainly(prompt, 12, 0.0, row, tokenizer, lively_model)


@pytest.mark.parametrize("how", [generate, generate_compiled])
@pytest.mark.parametrize("dense_up_to", [8192, 0], ids=["dense", "sparse"])
def test_the_separator_ends_a_text(dense_up_to: int, how: Callable[..., Any]) -> None:
    bare = Tokenizer(())  # ids are bytes, 256 is the separator
    documents = np.array([256, ord("a"), ord("b")] * 9 + [256], np.int32)  # "ab", and the end
    config = BigramConfig(smoothing=0.1, dense_up_to=dense_up_to)
    model = language_model(fit_bigram([documents], 257, config), 257, block_size=4)
    request = request_for([b"", b"a", b"b", b"", b"", b""], [9, 9, 9, 2, 1, 0])
    answer = write(how, request, GraphTokenizer(bare), model, True)
    assert answer["text"] == [b"ab", b"b", b"", b"ab", b"a", b""]
    assert answer["tokens"] == [2, 1, 0, 2, 1, 0]
    reasons = [b"stop", b"stop", b"stop", b"length", b"length", b"length"]
    assert answer["finish_reason"] == reasons


@pytest.mark.parametrize("how", [generate, generate_compiled])
def test_where_nothing_slides_a_text_ends_with_the_context(
    make_gpt: Callable[..., GPT], how: Callable[..., Any]
) -> None:
    """Every token is what the model says without a cache, also beside rows that ended before."""
    bare = Tokenizer(())
    gpt = make_gpt(257, seed=3)
    for variable in gpt.trainable_variables:
        variable.assign(variable * 20.0)
    model = language_model(gpt, 257, BLOCK_SIZE)
    request = request_for([b"abcdefgh", b"abc", b"abc", b"x"], [9, 9, 2, 8])
    answer = write(how, request, GraphTokenizer(bare), model, False)
    assert answer["tokens"] == [1, 6, 2, 8]  # the last is made, but never read
    assert answer["finish_reason"] == [b"context", b"context", b"length", b"length"]
    for prompt, count, text in zip([b"abc", b"x"], [6, 8], answer["text"][1::2], strict=True):
        assert text == write_plainly(prompt, count, 0.0, 0, bare, model)


def test_texts_end_before_the_first_of_their_own_stop_strings() -> None:
    texts = tf.constant([b"one two three", b"one two three", b"one two", "é\xff".encode(), b""])
    stops = tf.constant(["three\x1ftwo", "", "\x1fne", "\xff", "x"])
    cut = cut_at_stops(texts, stops).numpy().tolist()
    assert cut == [b"one ", b"one two three", b"o", "é".encode(), b""]
    assert longest_stop(stops).numpy().tolist() == [5, 0, 2, 2, 1]
    assert longest_stop(tf.constant([""])).numpy().tolist() == [0]


def test_a_stop_string_may_be_spread_over_tokens() -> None:
    bare = Tokenizer(())
    documents = np.array([*b"abcd" * 20], np.int32)
    fitted = fit_bigram([documents], 257, BigramConfig(smoothing=0.1))
    model = language_model(fitted, 257, block_size=4)
    request = request_for([b"a"] * 4, [9] * 4, stops=["da", "", "\x1fx\x1fcd", "bcda"])
    answer = write(generate, request, GraphTokenizer(bare), model, True)
    assert answer["text"] == [b"bc", b"bcdabcdab", b"b", b""]
    assert answer["finish_reason"] == [b"stop", b"length", b"stop", b"stop"]
    assert answer["tokens"] == [4, 9, 3, 4]
