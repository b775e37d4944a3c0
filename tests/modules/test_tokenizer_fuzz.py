"""No string has been found for which the graph differs from tiktoken: GPT-2's and our own BPE.

Thinned here, whole where it is marked slow: every code point alone and in four contexts, 100,000
random strings, the corpora.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

import pytest
import tensorflow as tf
import tiktoken

from gptfx.data.fetch import fetch
from gptfx.data.passages import split_passages
from gptfx.modules.tokenizers.exporting import tiktoken_arguments, tokens
from gptfx.modules.tokenizers.gpt2 import gpt2_tokenizer
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.tokenizers.kinds import count_pieces, train_bpe
from gptfx.modules.tokenizers.tokenizer import Tokenizer
from gptfx.pipeline.layout import data_home

EVERY_CODE_POINT = [chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]
CONTEXTS = ["{}", "a{}b", " {} ", "1{}{}'s", "\n {}\n\n{}é"]
BATCH = 20_000
BROKEN = [b"\xff", b"\xc3", b"\xe6\xbc", b"\xed\xa0\x80", b"\xc0\xaf", b"\x80", b"\xf4\x90\x80\x80"]
Compare = Callable[[Iterable[bytes]], int]
Encode = Callable[[list[bytes]], tuple[list[int], list[int]]]  # to ids, and how many a text has


@pytest.fixture(scope="module", params=["gpt2", "bpe"])
def compare(request: pytest.FixtureRequest, texts: list[bytes]) -> Compare:
    """Asserts that texts get the same ids from both; returns how many texts there were."""
    ours = gpt2_tokenizer() if request.param == "gpt2" else train_bpe(count_pieces(texts), 2048)
    encode = in_graph(ours)
    theirs = tiktoken.Encoding(
        "theirs", mergeable_ranks=dict(tokens(ours)), **tiktoken_arguments(ours)
    )

    def run(strings: Iterable[bytes]) -> int:
        count = 0
        for batch in batches(strings):
            valid = [each.decode("utf-8", "replace") for each in batch]
            expected = [theirs.encode_ordinary(each) for each in valid]
            ids, lengths = encode(batch)
            if ids != list(chain.from_iterable(expected)) or lengths != list(map(len, expected)):
                assert_same_one_by_one(batch, encode, expected)
            count += len(batch)
        return count

    return run


def in_graph(tokenizer: Tokenizer) -> Encode:
    graph = GraphTokenizer(tokenizer)
    function = tf.function(graph.encode, input_signature=[tf.TensorSpec([None], tf.string)])

    def encode(batch: list[bytes]) -> tuple[list[int], list[int]]:
        ids = function(tf.constant(batch, tf.string))
        return ids.values.numpy().tolist(), ids.row_lengths().numpy().tolist()

    return encode


def assert_same_one_by_one(batch: list[bytes], encode: Encode, expected: list[list[int]]) -> None:
    for text, other in zip(batch, expected, strict=True):
        assert encode([text])[0] == other, text
    raise AssertionError("one by one they are the same, in a batch they are not")


def batches(strings: Iterable[bytes]) -> Iterator[list[bytes]]:
    iterator = iter(strings)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def in_contexts(characters: Iterable[str]) -> Iterator[bytes]:
    for character in characters:
        for context in CONTEXTS:
            yield context.replace("{}", character).encode()


def random_strings(count: int, seed: int) -> Iterator[bytes]:
    """Of every kind: ASCII, spaces, one script, any code points, broken UTF-8, long words."""
    rng = random.Random(seed)
    for _ in range(count):
        start = rng.randrange(0x80, 0x3000)
        alphabets = (
            EVERY_CODE_POINT[0x20:0x7F],
            [" ", "\n", "\t", "\u00a0", "a", "1", "'s", "."],
            EVERY_CODE_POINT[start : start + 64],
            EVERY_CODE_POINT,
        )
        parts = [
            "".join(rng.choices(alphabet, k=rng.randrange(12))).encode() for alphabet in alphabets
        ]
        parts += rng.choices(BROKEN, k=rng.randrange(2))
        parts.append(rng.randbytes(rng.randrange(3)))
        if rng.random() < 0.01:
            parts.append("".join(rng.choices("abcdeté", k=rng.randrange(500))).encode())
        rng.shuffle(parts)
        yield b"".join(parts)


def passages(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.rglob("*.txt")):
        with path.open("rb") as stream:
            yield from (passage for _, passage in split_passages(stream, 1000))


def test_every_41st_code_point_gets_tiktoken_s_ids(compare: Compare) -> None:
    assert compare(in_contexts(EVERY_CODE_POINT[::41])) > 100_000


def test_three_thousand_random_strings_get_tiktoken_s_ids(compare: Compare) -> None:
    assert compare(random_strings(3000, seed=1)) == 3000


def test_the_shipped_texts_get_tiktoken_s_ids(compare: Compare, texts: list[bytes]) -> None:
    assert compare(texts) == len(texts)


@pytest.mark.slow
def test_every_code_point_gets_tiktoken_s_ids(compare: Compare) -> None:
    assert compare(in_contexts(EVERY_CODE_POINT)) == 1_112_064 * len(CONTEXTS)


@pytest.mark.slow
def test_a_hundred_thousand_random_strings_get_tiktoken_s_ids(compare: Compare) -> None:
    assert compare(random_strings(100_000, seed=2)) == 100_000


@pytest.mark.slow
def test_all_of_shakespeare_gets_tiktoken_s_ids(compare: Compare) -> None:
    assert compare(passages(Path(fetch("shakespeare", data_home())))) > 5000
