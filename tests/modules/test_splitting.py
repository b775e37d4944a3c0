"""Text falls into the pieces of GPT-2's pattern."""

import random
from functools import cache
from itertools import product

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st

from gptfx.modules.tokenizers.splitting import split

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
MIXED = ["a", "'", "s", "ll", " ", "\n", "\t", "\u00a0", "\u3000", "7", "٣", "½", "é", "e\u0301"]
mixed = st.lists(st.sampled_from([*MIXED, "漢", "😀", "-", "\0"])).map("".join)
anything = st.text(st.characters(blacklist_categories=("Cs",)))


@cache
def all_pairs() -> tiktoken.Encoding:
    """An encoding in which any two bytes of a piece may merge, in an order of no meaning.

    So a border between two pieces almost always shows in the ids.
    """
    pairs = list(product(range(256), repeat=2))
    random.Random(0).shuffle(pairs)
    tokens = [bytes([value]) for value in range(256)] + [bytes(pair) for pair in pairs]
    ranks = {token: rank for rank, token in enumerate(tokens)}
    return tiktoken.Encoding("pairs", pat_str=GPT2, mergeable_ranks=ranks, special_tokens={})


def assert_split_as_by_tiktoken(text: str) -> None:
    pieces = [piece.decode() for piece in split(text.encode())]
    ids = [index for piece in pieces for index in all_pairs()._encode_single_piece(piece)]
    assert ids == all_pairs().encode_ordinary(text)
    assert "".join(pieces) == text


@given(mixed | anything)
def test_the_pieces_are_those_of_gpt_2(text: str) -> None:
    assert_split_as_by_tiktoken(text)


def test_the_shipped_texts_fall_into_the_pieces_of_gpt_2(texts: list[bytes]) -> None:
    for text in texts:
        assert_split_as_by_tiktoken(text.decode())


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("we'll go", ["we", "'ll", " go"]),
        ("WE'LL", ["WE", "'", "LL"]),
        ("a  b", ["a", " ", " b"]),
        ("a\n\nb", ["a", "\n", "\n", "b"]),
        ("end \n", ["end", " \n"]),
        ("x=12.5%", ["x", "=", "12", ".", "5", "%"]),
        ("e\u0301", ["e", "\u0301"]),  # a combining accent is no letter
    ],
)
def test_by_example(text: str, pieces: list[str]) -> None:
    assert split(text.encode()) == [piece.encode() for piece in pieces]


@given(st.binary())
def test_joined_the_pieces_are_the_text_as_python_decodes_it(data: bytes) -> None:
    assert b"".join(split(data)) == data.decode("utf-8", "replace").encode()
