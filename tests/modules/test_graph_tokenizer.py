"""Inside a TensorFlow graph the ids are those of the Python code, whatever the text."""

from collections.abc import Callable

import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.tokenizers.kinds import train_bpe
from gptfx.modules.tokenizers.tokenizer import Tokenizer

TINY = train_bpe([(b"aaaa", 9), (b" the", 5), (b"the", 4), ("é漢".encode(), 1)], 266)
GRAPH = GraphTokenizer(TINY)
Encode = Callable[[list[bytes]], list[list[int]]]


def compiled(graph: GraphTokenizer) -> Encode:
    function = tf.function(graph.encode, input_signature=[tf.TensorSpec([None], tf.string)])
    return lambda texts: function(tf.constant(texts, tf.string)).to_list()


encode = compiled(GRAPH)

PIECES = ["a", "aaaa", "the", " ", "  ", "\n", "\t", "\u00a0", "\u2028", "'ll", "'", "7", "é", "漢"]
pieces = st.sampled_from([piece.encode() for piece in [*PIECES, "e\u0301", "😀", "\0", "\ufeff"]])
broken = st.sampled_from([b"\xff", b"\xc3", b"\xe6\xbc", b"\xed\xa0\x80", b"\xc0\xaf", b"\x80"])
clean_texts = st.lists(pieces, max_size=20).map(b"".join)
any_texts = st.lists(pieces | broken | st.binary(max_size=4), max_size=20).map(b"".join)


def cut(text: bytes, size: int) -> list[bytes]:
    """Pieces of `size` bytes, so characters get cut too."""
    return [text[start : start + size] for start in range(0, len(text), size)]


@pytest.mark.parametrize("size", [7, 1000, 10**6], ids=lambda size: f"{size} bytes at a time")
def test_on_the_shipped_texts_the_ids_are_those_of_python(
    tokenizer: Tokenizer, graph_tokenizer: GraphTokenizer, texts: list[bytes], size: int
) -> None:
    batch = [piece for text in texts for piece in cut(text, size)]
    assert compiled(graph_tokenizer)(batch) == [tokenizer.encode(piece) for piece in batch]


@given(st.lists(clean_texts, max_size=4))
@example([])
@example([b""])
@example([b"", b"a", b""])
def test_on_runs_and_spaces_the_ids_are_those_of_python(batch: list[bytes]) -> None:
    assert encode(batch) == [TINY.encode(text) for text in batch]


@given(st.lists(any_texts, min_size=1, max_size=3))
@example([b"\xef\xbb\xbfthe\xff"])
@example(["\ufffe\uffff\0".encode() + b"\xf4\x90\x80\x80"])
def test_on_invalid_utf_8_the_ids_are_those_of_python(batch: list[bytes]) -> None:
    assert encode(batch) == [TINY.encode(text) for text in batch]


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 255, 256, 257, 10_001])
def test_a_long_run_of_one_letter_merges_from_the_left(length: int) -> None:
    text = b"a" * length
    assert encode([text]) == [TINY.encode(text)]


@given(st.lists(any_texts, min_size=1, max_size=3))
@settings(max_examples=30)
def test_decoding_gives_the_text_back(batch: list[bytes]) -> None:
    valid = [text.decode("utf-8", "replace").encode() for text in batch]
    assert GRAPH.decode(tf.ragged.constant(encode(batch), tf.int64)).numpy().tolist() == valid


def test_ids_that_cut_a_character_decode_to_a_replacement_character() -> None:
    ids = tf.ragged.constant([[0xE6, 0xBC, 0x61, TINY.separator_id], []], tf.int64)
    assert GRAPH.decode(ids).numpy().tolist() == ["\ufffda".encode(), b""]


@pytest.mark.parametrize("merges", [(), ((97, 97),)], ids=["no merge", "one merge"])
def test_it_works_without_merges_and_without_frequent_words(
    merges: tuple[tuple[int, int], ...],
) -> None:
    bare = Tokenizer(merges)
    assert compiled(GraphTokenizer(bare))([b"aaa b", b""]) == [bare.encode(b"aaa b"), []]


def test_an_empty_batch_gives_an_empty_batch() -> None:
    ids = GRAPH.encode(tf.constant([], tf.string))
    assert ids.to_list() == []
    assert GRAPH.decode(ids).numpy().tolist() == []
