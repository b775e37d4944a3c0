"""Special tokens are ids where the caller allows them, and ordinary text everywhere else."""

import pytest
import tensorflow as tf
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from gptfx.data.errors import InputError
from gptfx.modules.tokenizers.exporting import tokens
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.tokenizers.kinds import train_bpe
from gptfx.modules.tokenizers.special import SEPARATOR
from gptfx.modules.tokenizers.splitting import GPT2_PATTERN

NAMES = ("<user>", "<user>>", "two words", "ünï", "a+b")
TINY = train_bpe([(b"the", 3), (b" the", 2), (b"user", 1)], 280, special_tokens=NAMES)
GRAPH = GraphTokenizer(TINY)
ALL = (SEPARATOR, *NAMES)
pieces = st.sampled_from([*ALL, "<|endoftext", "<user", " the", "  ", "\n", ">", "é", "a"])
encode_all = tf.function(
    lambda texts: GRAPH.encode(texts, ALL), input_signature=[tf.TensorSpec([None], tf.string)]
)
encode_none = tf.function(GRAPH.encode, input_signature=[tf.TensorSpec([None], tf.string)])


@settings(deadline=None)
@given(st.lists(st.lists(pieces, max_size=8).map("".join), max_size=3))
def test_where_they_are_allowed_graph_and_python_find_the_same(texts: list[str]) -> None:
    batch = tf.constant([text.encode() for text in texts], tf.string)
    assert encode_all(batch).to_list() == [TINY.encode(text.encode(), ALL) for text in texts]
    assert encode_none(batch).to_list() == [TINY.encode(text.encode()) for text in texts]


# Without one of two names that begin alike: tiktoken takes either of the two, ours the longer one.
SOME = [name for name in ALL if name != "<user>>"]
TIKTOKEN = tiktoken.Encoding(
    "ours",
    pat_str=GPT2_PATTERN,
    mergeable_ranks=dict(tokens(TINY)),
    special_tokens={name: index for name, index in TINY.special_tokens if name in SOME},
)


@given(st.lists(pieces, max_size=8).map("".join))
def test_where_they_are_allowed_tiktoken_finds_the_same(text: str) -> None:
    theirs = TIKTOKEN.encode(text, allowed_special=set(SOME), disallowed_special=())
    assert TINY.encode(text.encode(), SOME) == theirs


def test_spelled_out_they_are_ordinary_text() -> None:
    ids = TINY.encode(b"the<|endoftext|>")
    assert TINY.separator_id not in ids
    assert TINY.decode(ids) == b"the<|endoftext|>"
    assert TINY.encode(b"the<|endoftext|>", [SEPARATOR]) == [
        *TINY.encode(b"the"),
        TINY.separator_id,
    ]


def test_of_two_names_that_begin_alike_the_longer_is_found() -> None:
    special = dict(TINY.special_tokens)
    assert TINY.encode(b"<user>>", ALL) == [special["<user>>"]]
    assert TINY.encode(b"<user>", ALL) == [special["<user>"]]


def test_only_those_that_were_allowed_are_found() -> None:
    special = dict(TINY.special_tokens)
    ids = TINY.encode(b"<user><|endoftext|>", ["<user>"])
    assert ids[0] == special["<user>"]
    assert TINY.separator_id not in ids


def test_decoding_leaves_them_out_or_spells_them() -> None:
    ids = [TINY.separator_id, *TINY.encode(b"the")]
    assert TINY.decode(ids) == b"the"
    assert TINY.decode(ids, special=True) == b"<|endoftext|>the"
    assert GRAPH.decode(tf.ragged.constant([ids], tf.int64)).numpy().tolist() == [b"the"]


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match=r"no such special token.*<system>"):
        TINY.encode(b"the", ["<system>"])
