"""Words of any length are merged exactly, in a bounded number of rounds."""

import random

import pytest
import tensorflow as tf
import tiktoken
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gptfx.modules.tokenizers.bpe import Pair, encode, train
from gptfx.modules.tokenizers.exporting import tiktoken_arguments, tokens
from gptfx.modules.tokenizers.gpt2 import gpt2_tokenizer
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.tokenizers.graph_merging import CHUNK, PairMerger
from gptfx.modules.tokenizers.merging import merge_word

LETTERS = "abcdefghijklmnopqrstuvwxyz"
STRING = [tf.TensorSpec([None], tf.string)]
few_letters = st.lists(st.sampled_from(b"ab"), min_size=1, max_size=6 * CHUNK).map(bytes)


def merges_of(text: str, count: int) -> list[Pair]:
    return train(text.encode(), count)


# Learned from runs and repetitions, so that a chunk's border is often the wrong one.
MERGES = merges_of("abbaabababbbbaaaaabbabaabbbaba" * 3, 40)
MERGER = PairMerger(MERGES)
merge_in_graph = tf.function(MERGER, input_signature=STRING)
RANKS = {pair: 256 + index for index, pair in enumerate(MERGES)}


@settings(deadline=None, max_examples=300)
@given(st.lists(few_letters, min_size=1, max_size=4))
@example([b"a" * (5 * CHUNK + 1)])
@example([b"ab" * CHUNK, b"b", b"ba" * CHUNK])
def test_long_words_become_what_the_textbook_makes_of_them(words: list[bytes]) -> None:
    assert merge_in_graph(tf.constant(words)).to_list() == [encode(word, MERGES) for word in words]


@given(few_letters)
@example(b"a" * 500)
def test_in_python_too(word: bytes) -> None:
    assert merge_word(word, RANKS) == encode(word, MERGES)


@pytest.fixture(scope="module")
def gpt2() -> tuple[GraphTokenizer, tiktoken.Encoding]:
    ours = gpt2_tokenizer()
    arguments = tiktoken_arguments(ours)
    return GraphTokenizer(ours), tiktoken.Encoding(
        "gpt2", mergeable_ranks=dict(tokens(ours)), **arguments
    )


@pytest.mark.parametrize(
    "alphabet", [LETTERS, LETTERS + LETTERS.upper(), "ab", "aA", "!#$%&*+-/=", "漢字かなé"]
)
def test_a_random_word_of_ten_thousand_bytes_is_exact(
    gpt2: tuple[GraphTokenizer, tiktoken.Encoding], alphabet: str
) -> None:
    graph, theirs = gpt2
    rng = random.Random(0)
    word = "".join(rng.choices(alphabet, k=10_000))
    ids = graph.encode(tf.constant([word.encode(), b"and one more", word.encode()])).to_list()
    assert ids[0] == ids[2] == theirs.encode_ordinary(word)
    assert ids[1] == theirs.encode_ordinary("and one more")


def test_a_long_word_among_many_takes_no_table_of_all_words_times_its_length() -> None:
    rng = random.Random(0)
    words = ["".join(rng.choices(LETTERS, k=9)).encode() for _ in range(5_000)]
    words.append("".join(rng.choices("ab", k=60_000)).encode())
    graph = merge_in_graph.get_concrete_function().graph.as_graph_def()
    nodes = [node for each in graph.library.function for node in each.node_def]
    assert not [node.name for node in [*graph.node, *nodes] if node.op in ("Tile", "BroadcastTo")]
    merged = merge_in_graph(tf.constant(words))
    assert merged.to_list() == [merge_word(word, RANKS) for word in words]
