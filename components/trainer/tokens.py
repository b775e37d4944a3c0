"""The tokens that Transform wrote: all of them in order, or flowing by."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from gptfx.components.examples import POSITION, SOURCE, TOKENS
from gptfx.modules.training.packing import Passage

PARSE_BATCH = 256
FEATURES = {
    TOKENS: tf.io.VarLenFeature(tf.int64),
    SOURCE: tf.io.FixedLenFeature([], tf.string),
    POSITION: tf.io.FixedLenFeature([], tf.int64),
}


def _records(patterns: list[str]) -> tf.data.TFRecordDataset:
    """The serialized examples in files, in order of their names."""
    files = sorted(path for pattern in patterns for path in tf.io.gfile.glob(pattern))
    return tf.data.TFRecordDataset(files, compression_type="GZIP")


def read_passages(patterns: list[str]) -> Iterator[Passage]:
    """The transformed examples in the files that `patterns` name, in no particular order."""
    parsed = _records(patterns).batch(PARSE_BATCH).map(_parse)
    for batch in parsed:
        tokens = tf.RaggedTensor.from_sparse(batch[TOKENS])
        values, splits = tokens.values.numpy(), tokens.row_splits.numpy()
        sources, positions = np.ravel(batch[SOURCE]), np.ravel(batch[POSITION])
        for row, (source, position) in enumerate(zip(sources, positions, strict=True)):
            yield Passage(source, int(position), values[splits[row] : splits[row + 1]])


def _parse(serialized: tf.Tensor) -> dict[str, tf.Tensor | tf.SparseTensor]:
    return tf.io.parse_example(serialized, FEATURES)


def token_dataset(patterns: list[str]) -> tf.data.Dataset:
    """The tokens (None,) int64 of one passage after the other, in the same order every time."""
    wanted = {TOKENS: FEATURES[TOKENS]}
    parsed = _records(patterns).map(lambda record: tf.io.parse_single_example(record, wanted))
    return parsed.map(lambda example: example[TOKENS].values)


def files_digest_content(patterns: list[str]) -> list[tuple[str, int]]:
    """Names and sizes of files: what tells apart data that are not read as a whole."""
    files = sorted(path for pattern in patterns for path in tf.io.gfile.glob(pattern))
    return [(Path(path).name, tf.io.gfile.stat(path).length) for path in files]
