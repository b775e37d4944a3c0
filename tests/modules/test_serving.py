"""What the exported model answers, read back from disk: to prompts of any kind, alone or not."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from gptfx.modules.tokenizers.tokenizer import Tokenizer

Signatures = dict[str, Callable[..., dict[str, tf.Tensor]]]
Answer = dict[str, list[Any]]

AWKWARD = [
    b"",
    b"To be",
    b"\xff\xfe not \xe6 UTF-8 \xed\xa0\x80",
    "漢字 e\u0301 😀 \0".encode(),
    b"all work and no play " * 3000,
]
TYPES = {
    "temperature": tf.float32, "top_p": tf.float32, "seed": tf.int64, "min_p": tf.float32,
    "repetition_penalty": tf.float32, "stop": tf.string,
}  # fmt: skip


def ask(signatures: Signatures, prompts: list[bytes]) -> Answer:
    answer = signatures["serving_default"](prompt=tf.constant(prompts, tf.string))
    return {key: value.numpy().tolist() for key, value in answer.items()}


def generate(
    signatures: Signatures, prompts: list[bytes], signature: str = "generate", **changes: Any
) -> Answer:
    """Asks with each row's own settings; those not named are as in the `exported` fixture."""
    rows = len(prompts)
    values = {
        "max_new_tokens": [12] * rows,
        "temperature": [1.0] * rows,
        "top_k": [0] * rows,
        "top_p": [1.0] * rows,
        "seed": [7] * rows,
    } | changes
    tensors = {key: tf.constant(row, TYPES.get(key, tf.int32)) for key, row in values.items()}
    answer = signatures[signature](prompt=tf.constant(prompts, tf.string), **tensors)
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
    ("changes", "message"),
    [
        ({"top_p": [-1.0]}, "top_p: out of bounds. Received: [-1]."),
        ({"top_p": [0.0]}, "Received: [0]. What to do: give more than 0 and at most 1."),
        ({"top_p": [1.5]}, "top_p: out of bounds. Received: [1.5]"),
        ({"top_k": [-1]}, "top_k: out of bounds. Received: [-1]"),
        ({"temperature": [-1.0]}, "temperature: out of bounds. Received: [-1]"),
        ({"temperature": [float("nan")]}, "temperature: out of bounds. Received: [nan]"),
        ({"max_new_tokens": [-5]}, "max_new_tokens: out of bounds. Received: [-5]"),
        (
            {"max_new_tokens": [100_000]},
            "max_new_tokens: out of bounds. Received: [100000]. What to do: give 0 to 4096.",
        ),
        ({"seed": [1, 2]}, "seed: as many values as prompts are needed. Received: 2."),
        (
            {"prompts": [b"x" * 1_000_000]},
            "prompt: too long, in bytes. Received: [1000000]. What to do: send at most 65536.",
        ),
        ({"prompts": [b"x"] * 33}, "prompt: too many rows. Received: 33."),
    ],
    ids=str,
)
def test_what_is_out_of_bounds_is_refused_by_name(
    signatures: Signatures, changes: dict[str, Any], message: str
) -> None:
    prompts = changes.pop("prompts", [b"To be"])
    with pytest.raises(tf.errors.InvalidArgumentError) as refused:
        generate(signatures, prompts, **changes)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "changes", [{"top_p": [1e-9]}, {"top_k": [10**9]}, {"seed": [-(2**63)]}], ids=str
)
def test_the_bounds_themselves_are_answered(
    signatures: Signatures, changes: dict[str, list[float]]
) -> None:
    answer = generate(signatures, [b"To be"], **changes)
    assert np.shape(answer["text"]) == (1,)


def test_special_tokens_spelled_out_are_ordinary_text(signatures: Signatures) -> None:
    spelled = b"<|endoftext|>"
    ids = signatures["tokenize"](text=tf.constant([spelled]))["ids"].numpy()
    assert len(ids) > 1
    assert ask(signatures, [spelled])["text"] != ask(signatures, [b""])["text"]


def test_compiled_and_with_all_controls_off_the_texts_are_the_same(signatures: Signatures) -> None:
    plain = generate(signatures, AWKWARD)
    assert generate(signatures, AWKWARD, signature="generate_compiled") == plain
    rows = len(AWKWARD)
    off = {"min_p": [0.0] * rows, "repetition_penalty": [1.0] * rows, "stop": [""] * rows}
    assert generate(signatures, AWKWARD, signature="generate_controlled", **off) == plain


def test_the_first_token_comes_as_often_as_the_model_says(
    exported: Any, signatures: Signatures, tokenizer: Tokenizer
) -> None:
    """Chi-squared over 1,600 seeds, with a temperature, from the exported model."""
    prompt, heat, batch, batches = b"To be", 1.7, 32, 50
    counted: Counter[bytes] = Counter()
    for number in range(batches):
        seeds = list(range(batch * number, batch * (number + 1)))
        settings = {"temperature": [heat] * batch, "top_k": [5] * batch, "seed": seeds}
        answer = generate(signatures, [prompt] * batch, max_new_tokens=[1] * batch, **settings)
        counted.update(answer["text"])
    ids = np.array([tokenizer.encode(prompt)[-8:]], np.int32)
    logits = exported.model.model(ids).numpy()[0, -1] / heat
    likeliest = np.argsort(-logits)[:5]
    shares = np.exp(logits[likeliest] - logits[likeliest].max())
    expected: Counter[bytes] = Counter()  # two tokens may be half a character each
    for token, share in zip(likeliest, shares / shares.sum(), strict=True):
        text = tokenizer.decode([int(token)]).decode("utf-8", "replace").encode()
        expected[text] += batch * batches * share
    assert set(counted) <= set(expected)
    assert len(expected) > 2
    # With 4 degrees of freedom 25 is exceeded once in 20,000.
    assert sum((counted[text] - size) ** 2 / size for text, size in expected.items()) < 25.0


def controlled(rows: int, **changes: list[Any]) -> dict[str, tf.Tensor]:
    """Inputs of `generate_controlled` and of `stream_start`, but for the prompts."""
    values = {
        "max_new_tokens": [12] * rows, "temperature": [1.0] * rows, "top_k": [0] * rows,
        "top_p": [1.0] * rows, "seed": list(range(rows)), "min_p": [0.01] * rows,
        "repetition_penalty": [1.3] * rows, "stop": [""] * rows,
    } | changes  # fmt: skip
    return {name: tf.constant(row, TYPES.get(name, tf.int32)) for name, row in values.items()}


@pytest.mark.parametrize("steps", [1, 3, 50])
def test_a_stream_joined_is_the_text_and_no_piece_is_taken_back(
    signatures: Signatures, steps: int
) -> None:
    inputs = controlled(len(AWKWARD), stop=["e\x1ft", "", "a", "zz", "no such words"])
    prompts = tf.constant(AWKWARD)
    whole = signatures["generate_controlled"](prompt=prompts, **inputs)
    part = signatures["stream_start"](prompt=prompts, **inputs)
    pieces = [part["text"].numpy()]
    while (part["finish_reason"].numpy() == b"").any():
        state = {name: value for name, value in part.items() if name.startswith("state_")}
        again = signatures["stream_next"](steps=tf.fill([len(AWKWARD)], steps), **state)
        part = signatures["stream_next"](steps=tf.fill([len(AWKWARD)], steps), **state)
        for name, value in part.items():  # what was handed over is as it was
            np.testing.assert_array_equal(value, again[name])
        pieces.append(part["text"].numpy())
    for name in ("tokens", "finish_reason"):
        np.testing.assert_array_equal(part[name], whole[name])
    joined = [b"".join(row) for row in zip(*pieces, strict=True)]
    assert joined == whole["text"].numpy().tolist()
    assert len(pieces) == {1: 12, 3: 5, 50: 2}[steps]


def test_score_is_what_evaluate_says(signatures: Signatures) -> None:
    texts = [b"To be, or not to be", b"", "漢字".encode()]
    scored = signatures["score"](text=tf.constant(texts))
    feature = [tf.train.Feature(bytes_list=tf.train.BytesList(value=[text])) for text in texts]
    examples = [
        tf.train.Example(features=tf.train.Features(feature={"text": each})).SerializeToString()
        for each in feature
    ]
    evaluated = signatures["evaluate"](examples=tf.constant(examples))
    assert sorted(scored) == ["bytes", "nats", "tokens"]
    assert scored["bytes"].numpy().tolist() == [19, 0, 6]
    assert scored["tokens"].dtype == tf.int32
    for name, values in scored.items():
        np.testing.assert_array_equal(values, evaluated[name])
