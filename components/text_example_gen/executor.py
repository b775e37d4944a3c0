"""Reads text files in a Beam pipeline; each worker streams its part of a file into one shard.

Writing shards from the reader itself keeps memory bounded whatever the files' size, on any runner,
and keeps the passages of a shard in order.
"""

import json
import posixpath
from collections.abc import Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import tensorflow as tf
from tfx.components.example_gen import utils
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.proto import example_gen_pb2
from tfx.types import Artifact, artifact_utils
from tfx.utils import proto_utils

from gptfx.components.examples import EVAL, TRAIN, RawExample
from gptfx.components.files import read_text
from gptfx.components.text_example_gen.files import corpora_of, write_manifest
from gptfx.data.corpora import TextFile
from gptfx.data.counting import TextCounts, count_file, merge
from gptfx.data.errors import InputError
from gptfx.data.identities import fingerprint, read_identities
from gptfx.data.passages import read_passages, train_eval_boundary
from gptfx.data.statistics import statistics
from gptfx.data.storage import text_bytes

PASSAGE_BYTES = "passage_bytes"
SHARD_BYTES = 32 << 20  # text in a shard; a longer part of a file is a shard of its own


class Part(NamedTuple):
    """Bytes `start` to before `end` of a file."""

    source: str
    path: str
    start: int
    end: int


class Shard(NamedTuple):
    """Parts of files and the TFRecord file that they are written to."""

    target: str
    parts: tuple[Part, ...]


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs TextExampleGen."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, object],
    ) -> None:
        """Writes the splits `train` and `eval` of the `examples` artifact."""
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        files = [file for corpus in corpora_of(exec_properties) for file in corpus.files]
        shards = plan_shards(files, _eval_fraction(exec_properties), examples.uri)
        describe(examples, self._read(files, shards, int(str(exec_properties[PASSAGE_BYTES]))))
        inputs, seen = read_identities(files), exec_properties[utils.FINGERPRINT_PROPERTY_NAME]
        require_unchanged(str(seen), fingerprint(inputs))
        write_manifest(examples.uri, inputs)
        examples.split_names = artifact_utils.encode_split_names([TRAIN, EVAL])
        examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(examples, "tfrecords_gzip")

    def _read(
        self, files: list[TextFile], shards: list[Shard], passage_bytes: int
    ) -> dict[str, Any]:
        """Writes the shards, and returns the figures about the text."""
        figures = posixpath.join(self._get_tmp_dir(), "figures.json")  # may be a URI: no Path
        with self._make_beam_pipeline() as pipeline:
            _ = (
                pipeline
                | "Shards" >> beam.Create(shards)
                | "Spread shards" >> beam.Reshuffle()
                | "Write" >> beam.ParDo(WriteShard(passage_bytes))
            )
            _ = (
                pipeline
                | "Files" >> beam.Create(files)
                | "Spread files" >> beam.Reshuffle()
                | "Count" >> beam.Map(count_file)
                | "Sum" >> beam.CombineGlobally(merge)
                | "Figures" >> beam.Map(figures_as_json)
                | "Write figures" >> beam.io.WriteToText(figures, shard_name_template="")
            )
        found: dict[str, Any] = json.loads(read_text(figures))
        return found


def figures_as_json(counts: TextCounts) -> str:
    """One line."""
    return json.dumps(statistics(counts).as_json())


def describe(examples: Artifact, figures: dict[str, Any]) -> None:
    """Attaches the figures about the text (``gptfx data stats``) as custom properties."""
    for name, value in figures.items():
        if isinstance(value, int):
            examples.set_int_custom_property(name, value)
        elif isinstance(value, float):
            examples.set_float_custom_property(name, value)
        elif value is not None:
            text = value if isinstance(value, str) else json.dumps(value)
            examples.set_string_custom_property(name, text)


def require_unchanged(seen: str, read: str) -> None:
    """Raises InputError if what was read is not what the driver saw a moment before."""
    if read != seen:
        problem = "the corpus changed while it was read"
        raise InputError(problem, f"{read} instead of {seen}", "run again when it is at rest")


class WriteShard(beam.DoFn):
    """Streams the parts of a shard, as passages, into its TFRecord file."""

    def __init__(self, passage_bytes: int) -> None:
        super().__init__()
        self.passage_bytes = passage_bytes

    def process(self, shard: Shard) -> Iterator[str]:
        """Yields the file's name; the file appears whole or not at all."""
        # Beside the split's folder: Beam reads every file in it, hidden ones too. A retry writes
        # over it.
        split_folder, name = posixpath.split(shard.target)
        examples, split = posixpath.split(split_folder)
        partial = posixpath.join(examples, f".{split}-{name}")
        with tf.io.TFRecordWriter(partial, "GZIP") as writer:
            for part in shard.parts:
                passages = read_passages(part.path, part.start, part.end, self.passage_bytes)
                for position, text in passages:
                    example = RawExample(text, part.source.encode(), position)
                    writer.write(example.serialize())
        tf.io.gfile.rename(partial, shard.target, overwrite=True)
        yield shard.target


def plan_shards(files: list[TextFile], eval_fraction: float, folder: str) -> list[Shard]:
    """Which part of which file goes into which shard of which split; one shard a split at least."""
    parts: dict[str, list[Part]] = {TRAIN: [], EVAL: []}
    for file in files:
        size = text_bytes(file.path)
        boundary = train_eval_boundary(file.path, eval_fraction) if eval_fraction else size
        for split, start, end in ((TRAIN, 0, boundary), (EVAL, boundary, size)):
            if start < end:
                parts[split].append(Part(file.source, file.path, start, end))
    return [shard for split in parts for shard in _shards_of_split(split, parts[split], folder)]


def _shards_of_split(split: str, parts: list[Part], folder: str) -> list[Shard]:
    groups: list[list[Part]] = [[]]
    for part in parts:
        groups[-1].append(part)
        if sum(part.end - part.start for part in groups[-1]) >= SHARD_BYTES:
            groups.append([])
    groups = [group for group in groups if group] or [[]]
    split_folder = posixpath.join(folder, f"Split-{split}")  # TFX's layout of an Examples artifact
    tf.io.gfile.makedirs(split_folder)
    count = len(groups)
    names = [f"data_tfrecord-{index:05d}-of-{count:05d}.gz" for index in range(count)]
    return [
        Shard(posixpath.join(split_folder, name), tuple(group))
        for name, group in zip(names, groups, strict=True)
    ]


def _eval_fraction(exec_properties: dict[str, object]) -> float:
    """The share of the split `eval`, from TFX's split configuration."""
    config = example_gen_pb2.Output()
    proto_utils.json_to_proto(str(exec_properties["output_config"]), config)
    buckets = {split.name: split.hash_buckets for split in config.split_config.splits}
    return buckets[EVAL] / sum(buckets.values())
