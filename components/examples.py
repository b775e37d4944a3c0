"""The raw tf.Example of this project, written and read."""

import posixpath
from collections.abc import Iterator
from typing import NamedTuple

import tensorflow as tf

TEXT, SOURCE, POSITION = "text", "source", "position"  # features of a raw example
TOKENS = "tokens"  # what Transform makes of the text
TRAIN, EVAL = "train", "eval"
SHARD_PATTERN = "*-of-*"  # a killed run may leave other files in a split


class RawExample(NamedTuple):
    """A passage: its bytes, `corpus/file` and its byte offset in that file."""

    text: bytes
    source: bytes
    position: int

    def serialize(self) -> bytes:
        """As a tf.Example."""
        example = tf.train.Example()
        feature = example.features.feature
        feature[TEXT].bytes_list.value.append(self.text)
        feature[SOURCE].bytes_list.value.append(self.source)
        feature[POSITION].int64_list.value.append(self.position)
        return example.SerializeToString(deterministic=True)

    @classmethod
    def parse(cls, serialized: bytes) -> "RawExample":
        """The inverse of `serialize`."""
        feature = tf.train.Example.FromString(serialized).features.feature
        return cls(
            feature[TEXT].bytes_list.value[0],
            feature[SOURCE].bytes_list.value[0],
            feature[POSITION].int64_list.value[0],
        )


def shards(split_folder: str) -> list[str]:
    """The TFRecord files of a split, in order of their names."""
    return sorted(tf.io.gfile.glob(posixpath.join(split_folder, SHARD_PATTERN)))


def read_raw_examples(split_folder: str) -> Iterator[RawExample]:
    """All examples of a split, shard by shard."""
    records = tf.data.TFRecordDataset(shards(split_folder), compression_type="GZIP")
    for record in records.as_numpy_iterator():
        yield RawExample.parse(record)
