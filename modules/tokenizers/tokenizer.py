"""The tokenizer that the models use: four kinds, one interface, one JSON file.

- `byte`: a text becomes its bytes.
- `char`: its characters; those that the corpus does not have become their bytes.
- `bpe`: merged bytes, by merges learned from the corpus.
- `gpt2`: the same by OpenAI's merges, as tiktoken numbers them.

A token is known here by its number: that of its byte, then 256 and up in the order of the merges or
characters. What the outside sees are ids; they are the numbers, unless the kind has ids of its own.
After the tokens come the special tokens, first ``<|endoftext|>``, which stands between documents
and in front of a prompt. Text never encodes to them, unless the caller allows it.

``kinds.py`` makes tokenizers.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from gptfx.data.errors import InputError
from gptfx.modules.tokenizers import bpe
from gptfx.modules.tokenizers.merging import merge_word
from gptfx.modules.tokenizers.normalization import Normalization
from gptfx.modules.tokenizers.pieces import Kind, pieces_of
from gptfx.modules.tokenizers.special import number_special, special_pattern

FILE_NAME = "tokenizer.json"
FORMAT = "gptfx.tokenizer/2"
LONGEST_CACHED = 64  # bytes; longer words hardly come again


@dataclass(frozen=True)
class Tokenizer:
    """Bytes in, ids out, and back without loss.

    Attributes:
      merges: of `bpe` and `gpt2`: the pairs of numbers in the order in which they were learned.
      kind: what the configuration calls it.
      characters: of `char`: those beyond ASCII, which are tokens.
      special_tokens: name and id; the first is the separator of documents.
      ids: of each token by its number; None where they are the same.
      normalization: what becomes of a text before anything else.
      words: frequent words of the training text, most frequent first; they only make encoding fast.

    >>> tokenizer = Tokenizer(merges=((97, 98),), special_tokens=(("<|endoftext|>", 257),))
    >>> tokenizer.encode(b"abab"), tokenizer.vocab_size, tokenizer.separator_id
    ([256, 256], 258, 257)
    """

    merges: tuple[bpe.Pair, ...] = ()
    kind: Kind = "bpe"
    characters: str = ""
    special_tokens: tuple[tuple[str, int], ...] = ()
    ids: tuple[int, ...] | None = None
    normalization: Normalization = "none"
    words: tuple[bytes, ...] = ()
    _cache: dict[bytes, list[int]] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.special_tokens:
            after_all = bpe.FIRST_MERGE + len(self.merges) + len(self.characters)
            object.__setattr__(self, "special_tokens", number_special([], after_all))

    @cached_property
    def vocab_size(self) -> int:
        """One more than the largest id."""
        largest = max(self.ids) if self.ids else len(self.numbered_bytes) - 1
        return 1 + max(largest, *(index for _, index in self.special_tokens))

    @property
    def separator_id(self) -> int:
        """The id of what stands between documents."""
        return self.special_tokens[0][1]

    @cached_property
    def numbered_bytes(self) -> list[bytes]:
        """The bytes that each token stands for, by number; special tokens have none."""
        return [*bpe.token_bytes(self.merges), *(each.encode() for each in self.characters)]

    @cached_property
    def token_bytes(self) -> list[bytes]:
        """The bytes that each id stands for; none for special tokens, and for ids not in use."""
        pieces = [b""] * self.vocab_size
        for index, piece in zip(self._ids, self.numbered_bytes, strict=True):
            pieces[index] = piece
        return pieces

    @cached_property
    def digest(self) -> str:
        """Hexadecimal; equal for tokenizers that encode alike."""
        content = json.dumps(self._content(), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def encode(self, data: bytes, allowed_special: Collection[str] = ()) -> list[int]:
        """Ids of UTF-8 `data`.

        Args:
          data: text; each invalid sequence counts as U+FFFD.
          allowed_special: special tokens that become their id where the text spells them; all
            others are ordinary text.
        """
        if not allowed_special:
            return self._encode_ordinary(data)
        special = dict(self.special_tokens)
        if unknown := [name for name in allowed_special if name not in special]:
            raise InputError("no such special token", unknown[0], f"name one of {list(special)}")
        ids = []
        valid = data.decode("utf-8", "replace")
        for index, part in enumerate(special_pattern(allowed_special).split(valid)):
            ids += [special[part]] if index % 2 else self._encode_ordinary(part.encode())
        return ids

    def _encode_ordinary(self, data: bytes) -> list[int]:
        return [index for piece in self.pieces(data) for index in self.encode_piece(piece)]

    def pieces(self, data: bytes) -> list[bytes]:
        """What `data` is cut into before tokens are looked for, normalized."""
        return pieces_of(data, self.kind, self.normalization)

    def encode_piece(self, piece: bytes) -> list[int]:
        """Ids of one of `pieces`."""
        if (known := self._cache.get(piece)) is not None:
            return known
        ids = [self._ids[number] for number in self.number_piece(piece)]
        if len(piece) <= LONGEST_CACHED:
            self._cache[piece] = ids
        return ids

    def number_piece(self, piece: bytes) -> list[int]:
        """The numbers of a piece's tokens."""
        if (whole := self._numbers.get(piece)) is not None:
            return [whole]
        return merge_word(piece, self._ranks)

    def decode(self, ids: Iterable[int], special: bool = False) -> bytes:
        """The bytes of `ids`; special tokens are left out, or spelled.

        Raises InputError for an id that is not in the vocabulary.
        """
        names = {index: name.encode() for name, index in self.special_tokens} if special else {}
        pieces = []
        for index in ids:
            if not 0 <= index < self.vocab_size:
                remedy = f"ids of this tokenizer are 0 to {self.vocab_size - 1}"
                raise InputError("no such token", index, remedy)
            pieces.append(names.get(index, self.token_bytes[index]))
        return b"".join(pieces)

    @property
    def _ids(self) -> Sequence[int]:
        return self.ids if self.ids is not None else range(len(self.numbered_bytes))

    @cached_property
    def _ranks(self) -> dict[bpe.Pair, int]:
        return {pair: bpe.FIRST_MERGE + index for index, pair in enumerate(self.merges)}

    @cached_property
    def _numbers(self) -> dict[bytes, int]:
        """Tokens by their bytes: merges turn the bytes of a token into that token."""
        return {piece: number for number, piece in enumerate(self.numbered_bytes)}

    def _content(self) -> dict[str, Any]:
        fields = asdict(self)
        return {key: fields[key] for key in fields if key not in ("words", "_cache")}

    def save(self, folder: Path) -> Path:
        """Writes ``tokenizer.json`` into `folder`."""
        content = {
            "format": FORMAT,
            **self._content(),
            "words": [word.hex() for word in self.words],
        }
        path = folder / FILE_NAME
        path.write_text(json.dumps(content) + "\n", encoding="ascii")
        return path

    @classmethod
    def load(cls, folder: Path) -> "Tokenizer":
        """Reads what `save` wrote. Raises InputError for anything else."""
        path = folder / FILE_NAME
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            remedy = f"name a folder with a {FILE_NAME} of ours"
            raise InputError("no tokenizer to load", str(folder), remedy) from None
        try:
            return cls.parse(text)
        except InputError as error:
            raise InputError(f"{path}: {error.problem}", error.received, error.remedy) from None

    @classmethod
    def parse(cls, text: str) -> "Tokenizer":
        """From the content of the file. Raises InputError for what is damaged or none of ours."""
        remedy = "take the file from a model again, or train one"
        try:
            content = json.loads(text)
            found = content.pop("format", None)
        except (ValueError, AttributeError, TypeError) as error:
            raise InputError("the tokenizer is damaged", str(error), remedy) from None
        if found != FORMAT:
            another = (
                "train it again, or take a file of another library through gptfx tokenizer import"
            )
            raise InputError("not a tokenizer of this version", found, another)
        try:
            content["words"] = tuple(bytes.fromhex(word) for word in content["words"])
            content["merges"] = tuple((left, right) for left, right in content["merges"])
            content["special_tokens"] = tuple((name, at) for name, at in content["special_tokens"])
            content["ids"] = content["ids"] and tuple(content["ids"])
            made = cls(**content)
            made._require_sound()
        except (KeyError, TypeError, ValueError, IndexError) as error:
            received = f"{type(error).__name__}: {error}"
            raise InputError("the tokenizer is damaged", received, remedy) from None
        return made

    def _require_sound(self) -> None:
        """Raises ValueError for what no tokenizer of ours is."""
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind {self.kind!r}")
        for number, pair in enumerate(self.merges, start=bpe.FIRST_MERGE):
            if not all(0 <= part < number for part in pair):
                raise ValueError(f"a merge of {pair} before there is one of them")
        used = [*self._ids, *(index for _, index in self.special_tokens)]
        if len(self._ids) != len(self.numbered_bytes) or len({*used}) < len(used) or min(used) < 0:
            raise ValueError("not an id of its own for every token")
