"""The tokenizer that the models use: byte-level BPE behind GPT-2's split, in one JSON file.

Ids: 0 to 255 are the bytes, then one id a merge, last the document separator ``<|endoftext|>``,
which text never encodes to: it stands between documents and in front of a prompt.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from gptfx.data.errors import InputError
from gptfx.modules.tokenizers import bpe, splitting
from gptfx.modules.tokenizers.trainer import WordCount, train_from_counts

FILE_NAME = "tokenizer.json"
FORMAT = "gptfx.tokenizer/1"
SEPARATOR = "<|endoftext|>"
FREQUENT_WORDS = 8192  # words whose ids are looked up rather than merged in the graph


@dataclass(frozen=True)
class Tokenizer:
    """Byte-level BPE: bytes in, ids out, and back without loss.

    Attributes:
      merges: the pairs in the order in which they were learned.
      words: frequent words of the training text, most frequent first; they only make encoding fast.
      kind: what the configuration calls it.

    >>> tokenizer = Tokenizer.train([(b"ab", 3)], vocab_size=258)
    >>> tokenizer.encode(b"abab"), tokenizer.vocab_size, tokenizer.separator_id
    ([256, 256], 258, 257)
    """

    merges: tuple[bpe.Pair, ...]
    words: tuple[bytes, ...] = ()
    kind: str = "bpe"
    _cache: dict[bytes, list[int]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def train(cls, counts: Sequence[WordCount], vocab_size: int) -> "Tokenizer":
        """Learns a tokenizer of at most `vocab_size` ids from distinct words with their counts.

        `counts` are in the order of first occurrence. A corpus with too few pairs gives a smaller
        vocabulary; compare ``vocab_size`` with what was asked for.
        """
        if vocab_size <= bpe.FIRST_MERGE:
            raise InputError(
                "a byte-level vocabulary has 256 bytes and a separator at least",
                f"tokenizer.vocab_size = {vocab_size}",
                "ask for 257 or more",
            )
        merges = train_from_counts(counts, vocab_size - bpe.FIRST_MERGE - 1)
        frequent = sorted(counts, key=lambda entry: -entry[1])[:FREQUENT_WORDS]
        return cls(tuple(merges), tuple(word for word, _ in frequent))

    @property
    def vocab_size(self) -> int:
        """Number of ids, the separator included."""
        return bpe.FIRST_MERGE + len(self.merges) + 1

    @property
    def separator_id(self) -> int:
        """The id of ``<|endoftext|>``."""
        return self.vocab_size - 1

    @cached_property
    def token_bytes(self) -> list[bytes]:
        """The bytes of each id; the separator stands for none."""
        return [*bpe.token_bytes(self.merges), b""]

    @cached_property
    def digest(self) -> str:
        """Hexadecimal; equal for tokenizers that encode alike."""
        return hashlib.sha256(json.dumps([self.kind, self.merges]).encode()).hexdigest()

    def encode(self, data: bytes) -> list[int]:
        """Ids of UTF-8 `data`; each invalid sequence counts as U+FFFD."""
        return [index for word in splitting.split(data) for index in self.encode_word(word)]

    def encode_word(self, word: bytes) -> list[int]:
        """Ids of one piece of the split."""
        if word not in self._cache:
            self._cache[word] = _merge_all(list(word), self._ranks)
        return self._cache[word]

    def decode(self, ids: Iterable[int]) -> bytes:
        """The bytes of `ids`."""
        return b"".join(self.token_bytes[index] for index in ids)

    @cached_property
    def _ranks(self) -> dict[bpe.Pair, int]:
        return {pair: bpe.FIRST_MERGE + index for index, pair in enumerate(self.merges)}

    def save(self, folder: Path) -> Path:
        """Writes ``tokenizer.json`` into `folder`."""
        content = {
            "format": FORMAT,
            "kind": self.kind,
            "separator": SEPARATOR,
            "merges": [list(pair) for pair in self.merges],
            "words": [word.hex() for word in self.words],
        }
        path = folder / FILE_NAME
        path.write_text(json.dumps(content) + "\n", encoding="ascii")
        return path

    @classmethod
    def load(cls, folder: Path) -> "Tokenizer":
        """Reads what `save` wrote."""
        content = json.loads((folder / FILE_NAME).read_text(encoding="ascii"))
        if content.get("format") != FORMAT:
            raise InputError(
                "not a tokenizer of this version", content.get("format"), "train it again"
            )
        merges = tuple((left, right) for left, right in content["merges"])
        return cls(merges, tuple(bytes.fromhex(word) for word in content["words"]), content["kind"])


def _merge_all(ids: list[int], ranks: dict[bpe.Pair, int]) -> list[int]:
    while len(ids) > 1:
        rank, pair = min((ranks.get(pair, bpe.NEVER), pair) for pair in pairwise(ids))
        if rank == bpe.NEVER:
            break
        ids = bpe.merge(ids, pair, rank)
    return ids
