"""What the exported model answers, read back from disk: to prompts of any kind, alone or not."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

Signatures = dict[str, Callable[..., dict[str, tf.Tensor]]]
Answer = dict[str, list[Any]]

AWKWARD = [
    b"",
    b"To be",
    b"\xff\xfe not \xe6 UTF-8 \xed\xa0\x80",
    "漢字 e\u0301 😀 \0".encode(),
    b"all work and no play " * 5000,
]


def ask(signatures: Signatures, prompts: list[bytes]) -> Answer:
    answer = signatures["serving_default"](prompt=tf.constant(prompts, tf.string))
    return {key: value.numpy().tolist() for key, value in answer.items()}


def generate(signatures: Signatures, prompts: list[bytes], **changes: list[float]) -> Answer:
    """Asks with each row's own settings; those not named are as in the `exported` fixture."""
    rows = len(prompts)
    values = {
        "max_new_tokens": [12] * rows,
        "temperature": [1.0] * rows,
        "top_k": [0] * rows,
        "top_p": [1.0] * rows,
        "seed": [7] * rows,
    } | changes
    types = {"temperature": tf.float32, "top_p": tf.float32, "seed": tf.int64}
    tensors = {key: tf.constant(row, types.get(key, tf.int32)) for key, row in values.items()}
    answer = signatures["generate"](prompt=tf.constant(prompts, tf.string), **tensors)
    return {key: value.numpy().tolist() for key, value in answer.items()}


@pytest.fixture(scope="module")
def answered(signatures: Signatures) -> Answer:
    return ask(signatures, AWKWARD)


def test_any_prompt_is_answered_in_valid_utf_8(answered: Answer) -> None:
    assert sorted(answered) == ["finish_reason", "text", "tokens"]
    assert len(answered["text"]) == len(AWKWARD)
    rows = zip(answered["text"], answered["tokens"], answered["finish_reason"], strict=True)
    for text, tokens, reason in rows:
        assert text.decode("utf-8")
        assert (tokens, reason) == (12, b"length") or (tokens < 12 and reason == b"stop")


def test_the_same_prompts_get_the_same_answer(signatures: Signatures, answered: Answer) -> None:
    assert ask(signatures, AWKWARD) == answered


@pytest.mark.parametrize("row", range(len(AWKWARD)))
def test_a_prompt_alone_gets_the_answer_it_gets_among_others(
    signatures: Signatures, answered: Answer, row: int
) -> None:
    assert ask(signatures, [AWKWARD[row]]) == {key: [value[row]] for key, value in answered.items()}


def test_other_prompts_get_other_answers(answered: Answer) -> None:
    assert len(set(answered["text"])) == len(AWKWARD)


def test_an_empty_batch_gets_an_empty_answer(signatures: Signatures) -> None:
    nothing: Answer = {"text": [], "tokens": [], "finish_reason": []}
    assert ask(signatures, []) == nothing
    assert generate(signatures, []) == nothing
    scored = signatures["evaluate"](examples=tf.constant([], tf.string))
    assert all(value.shape == (0,) for value in scored.values())


def test_generate_with_the_settings_of_the_export_answers_the_same(
    signatures: Signatures, answered: Answer
) -> None:
    assert generate(signatures, AWKWARD) == answered


def test_every_row_makes_as_many_tokens_as_it_was_asked_for(signatures: Signatures) -> None:
    counts = [0, 1, 5, 40]  # a block holds 8
    answer = generate(signatures, [b"To be"] * 4, max_new_tokens=counts, seed=[3] * 4)
    assert answer["tokens"] == counts
    assert answer["text"][0] == b""
    for shorter, longer in pairwise(answer["text"]):
        assert longer.startswith(shorter.rstrip("\ufffd".encode()))


def test_another_seed_gives_another_text_and_greedy_does_not_care(signatures: Signatures) -> None:
    warm = generate(signatures, [b"To be"] * 2, seed=[1, 2])["text"]
    assert warm[0] != warm[1]
    cold = generate(signatures, [b"To be"] * 2, seed=[1, 2], temperature=[0.0] * 2)["text"]
    assert cold[0] == cold[1]


@pytest.mark.parametrize(
    "changes",
    [
        {"top_p": [0.0]},
        {"top_p": [-1.0]},
        {"top_k": [-1]},
        {"top_k": [10**9]},
        {"temperature": [-1.0]},
        {"max_new_tokens": [-5]},
        {"seed": [-(2**63)]},
    ],
    ids=str,
)
def test_senseless_settings_are_answered_too(
    signatures: Signatures, changes: dict[str, list[float]]
) -> None:
    answer = generate(signatures, [b"To be"], **changes)
    assert np.shape(answer["text"]) == (1,)
