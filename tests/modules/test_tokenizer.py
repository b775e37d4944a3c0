"""The tokenizer of the models: nothing is lost, and tiktoken gives the same ids."""

from pathlib import Path

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st

from gptfx.data.errors import InputError
from gptfx.modules.tokenizers import bpe
from gptfx.modules.tokenizers.kinds import train_bpe
from gptfx.modules.tokenizers.special import SEPARATOR
from gptfx.modules.tokenizers.splitting import split
from gptfx.modules.tokenizers.tokenizer import FILE_NAME, Tokenizer

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
TINY = train_bpe([(b"the", 3), (b" the", 2), ("é漢".encode(), 1)], vocab_size=264)


def test_the_shipped_texts_survive_the_round_trip(tokenizer: Tokenizer, texts: list[bytes]) -> None:
    for text in texts:
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert len(ids) < 0.8 * len(text)  # and they do get shorter


@given(st.text(st.characters(blacklist_categories=("Cs",))))
def test_any_text_survives_the_round_trip(text: str) -> None:
    assert TINY.decode(TINY.encode(text.encode())).decode() == text


@given(st.binary())
def test_invalid_bytes_come_back_as_replacement_characters(data: bytes) -> None:
    assert TINY.decode(TINY.encode(data)) == data.decode("utf-8", "replace").encode()


def test_encoding_is_the_textbook_s_within_each_piece(
    tokenizer: Tokenizer, texts: list[bytes]
) -> None:
    for piece in set(split(texts[0])):
        assert tokenizer.encode(piece) == bpe.encode(piece, tokenizer.merges)


def test_tiktoken_with_the_same_merges_gives_the_same_ids(
    tokenizer: Tokenizer, texts: list[bytes]
) -> None:
    tokens = tokenizer.token_bytes[: tokenizer.separator_id]
    ranks = {token: index for index, token in enumerate(tokens)}
    # tiktoken knows a token by its bytes, we by its pair: they agree only while no two tokens
    # spell the same bytes.
    assert len(ranks) == len(tokens)
    reference = tiktoken.Encoding("ours", pat_str=GPT2, mergeable_ranks=ranks, special_tokens={})
    for text in texts:
        assert tokenizer.encode(text) == reference.encode_ordinary(text.decode())


def test_no_text_encodes_to_the_separator() -> None:
    assert TINY.separator_id == TINY.vocab_size - 1
    assert TINY.separator_id not in TINY.encode(SEPARATOR.encode())
    assert TINY.decode([TINY.separator_id]) == b""


def test_a_corpus_with_too_few_pairs_gives_a_smaller_vocabulary() -> None:
    tokenizer = train_bpe([(b"ab", 1)], vocab_size=1000)
    assert tokenizer.vocab_size == 256 + 1 + 1


def test_the_smallest_vocabulary_has_bytes_and_separator_only() -> None:
    tokenizer = train_bpe([(b"abab", 1)], vocab_size=257)
    assert (tokenizer.merges, tokenizer.encode(b"ab")) == ((), [97, 98])


def test_a_vocabulary_without_room_for_the_bytes_is_refused() -> None:
    with pytest.raises(InputError, match=r"tokenizer\.vocab_size = 256.*ask for 257"):
        train_bpe([(b"ab", 1)], vocab_size=256)


def test_the_file_gives_the_same_tokenizer_back(tmp_path: Path) -> None:
    assert TINY.save(tmp_path) == tmp_path / FILE_NAME
    loaded = Tokenizer.load(tmp_path)
    assert loaded == TINY
    assert loaded.digest == TINY.digest


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('{"format": "minbpe v1"}')
    with pytest.raises(InputError, match=r"not a tokenizer of this version.*minbpe v1"):
        Tokenizer.load(tmp_path)


def test_other_merges_have_another_digest_and_frequent_words_do_not_matter() -> None:
    assert Tokenizer(TINY.merges).digest == TINY.digest
    assert Tokenizer(TINY.merges[:-1]).digest != TINY.digest
