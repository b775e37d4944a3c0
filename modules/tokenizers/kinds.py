"""Makes a tokenizer of each kind; the corpus is given as counts."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from gptfx.data.errors import InputError
from gptfx.modules.tokenizers import bpe
from gptfx.modules.tokenizers.normalization import Normalization
from gptfx.modules.tokenizers.pieces import Kind, pieces_of
from gptfx.modules.tokenizers.special import number_special
from gptfx.modules.tokenizers.splitting import LAST_ASCII
from gptfx.modules.tokenizers.tokenizer import Tokenizer
from gptfx.modules.tokenizers.trainer import WordCount, train_from_counts

FREQUENT_WORDS = 16_384  # words whose ids are looked up rather than merged in the graph


def count_pieces(
    passages: Iterable[bytes], kind: Kind = "bpe", normalization: Normalization = "none"
) -> list[WordCount]:
    """The distinct pieces of passages, in the order of their first occurrence, with counts."""
    counts: Counter[bytes] = Counter()
    for passage in passages:
        counts.update(pieces_of(passage, kind, normalization))
    return list(counts.items())


def train_bpe(
    counts: Sequence[WordCount],
    vocab_size: int,
    special_tokens: Sequence[str] = (),
    normalization: Normalization = "none",
    on_merge: Callable[[int, int], None] = lambda _done, _total: None,
) -> Tokenizer:
    """Learns a byte-level BPE of at most `vocab_size` ids, special tokens included.

    Args:
      counts: distinct words with their counts, in the order of first occurrence.
      vocab_size: a corpus with too few pairs gives a smaller vocabulary; compare.
      special_tokens: beside ``<|endoftext|>``.
      normalization: which the words went through; recorded.
      on_merge: see ``train_from_counts``.
    """
    fixed = bpe.FIRST_MERGE + 1 + len(special_tokens)
    if vocab_size < fixed:
        raise InputError(
            f"a byte-level vocabulary has 256 bytes and {fixed - 256} special tokens at least",
            f"tokenizer.vocab_size = {vocab_size}",
            f"ask for {fixed} or more",
        )
    merges = train_from_counts(counts, vocab_size - fixed, on_merge)
    return Tokenizer(
        merges=tuple(merges),
        special_tokens=number_special(special_tokens, bpe.FIRST_MERGE + len(merges)),
        normalization=normalization,
        words=frequent(counts),
    )


def char_tokenizer(
    characters: Iterable[str],
    special_tokens: Sequence[str] = (),
    normalization: Normalization = "none",
) -> Tokenizer:
    """A token a character; ASCII is its bytes, every other of `characters` gets an id."""
    known = "".join(sorted(each for each in set(characters) if ord(each) > LAST_ASCII))
    return Tokenizer(
        kind="char",
        characters=known,
        special_tokens=number_special(special_tokens, bpe.FIRST_MERGE + len(known)),
        normalization=normalization,
    )


def byte_tokenizer(
    special_tokens: Sequence[str] = (), normalization: Normalization = "none"
) -> Tokenizer:
    """A token a byte."""
    special = number_special(special_tokens, bpe.FIRST_MERGE)
    return Tokenizer(kind="byte", special_tokens=special, normalization=normalization)


def frequent(counts: Sequence[WordCount]) -> tuple[bytes, ...]:
    """The most frequent words."""
    ordered = sorted(counts, key=lambda entry: -entry[1])[:FREQUENT_WORDS]
    return tuple(word for word, _ in ordered)
