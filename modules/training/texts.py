"""Texts to streams of tokens in this process: what Beam does in the pipeline, for what fits memory.

A file is split, cut, counted and encoded at the same places and in the same order as there, so that
the same texts give the same tokenizer and the same tokens.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import tensorflow as tf

from gptfx.data.corpora import TextFile
from gptfx.data.passages import read_passages, train_eval_boundary
from gptfx.data.storage import text_bytes
from gptfx.modules.config import TokenizerConfig
from gptfx.modules.tokenizers.configured import make_tokenizer
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.tokenizers.kinds import count_pieces
from gptfx.modules.tokenizers.tokenizer import Tokenizer
from gptfx.modules.training.packing import Passage, Stream, pack

ENCODED_AT_ONCE = 1024  # passages


class Text(NamedTuple):
    """A passage: where it comes from (``CORPUS/FILE``), its byte offset there, and its bytes."""

    source: bytes
    position: int
    text: bytes


class Splits(NamedTuple):
    """The passages to learn from, and those to judge by."""

    train: list[Text]
    validation: list[Text]


def read_splits(files: Iterable[TextFile], eval_fraction: float, passage_bytes: int) -> Splits:
    """All passages of files, in the order of their sources; see `DataConfig` for the numbers."""
    splits = Splits([], [])
    for file in sorted(files, key=lambda file: file.source.encode()):
        boundary, size = train_eval_boundary(file.path, eval_fraction), text_bytes(file.path)
        splits.train.extend(_read(file, 0, boundary, passage_bytes))
        splits.validation.extend(_read(file, boundary, size, passage_bytes))
    return splits


def _read(file: TextFile, start: int, end: int, passage_bytes: int) -> Iterator[Text]:
    source = file.source.encode()
    for position, text in read_passages(file.path, start, end, passage_bytes):
        yield Text(source, position, text)


def make_tokenizer_of(texts: Iterable[Text], config: TokenizerConfig) -> Tokenizer:
    """The configured tokenizer, learned from texts if it is one that learns.

    Raises InputError as `make_tokenizer` does.
    """
    if config.kind == "byte":
        return make_tokenizer(config, [])
    passages = (text.text for text in texts)
    return make_tokenizer(config, count_pieces(passages, config.kind, config.normalization))


def tokenize(splits: Splits, tokenizer: GraphTokenizer) -> tuple[Stream, Stream]:
    """The tokens of both splits, each in one row."""
    # One graph for all batches; on its own, each new number of words would make another.
    signature = [tf.TensorSpec([None], tf.string)]
    encode = tf.function(tokenizer.encode, input_signature=signature, autograph=False)
    train, validation = (
        pack(_encoded(iter(split), encode), tokenizer.separator_id) for split in splits
    )
    return train, validation


def _encoded(
    texts: Iterator[Text], encode: Callable[[tf.Tensor], tf.RaggedTensor]
) -> Iterator[Passage]:
    while batch := list(islice(texts, ENCODED_AT_ONCE)):
        ids = encode(tf.constant([text.text for text in batch]))  # (batch, None)
        values, splits = ids.values.numpy(), ids.row_splits.numpy()
        for row, text in enumerate(batch):
            yield Passage(text.source, text.position, values[splits[row] : splits[row + 1]])
