"""Which files an ExampleGen reads, and what tells their contents from others."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import tensorflow as tf
from tfx.proto import example_gen_pb2, range_config_pb2
from tfx.utils import proto_utils

from gptfx.data.corpora import TextCorpus, TextFile, locate
from gptfx.data.storage import identity, join

MANIFEST = "inputs.json"  # at the top of an Examples artifact


class InputFile(NamedTuple):
    """A file as it was read: ``CORPUS/FILE``, bytes as stored, and what its content is known by."""

    source: str
    bytes: int
    identity: str


def corpora_of(parameters: Mapping[str, Any]) -> list[TextCorpus]:
    """The corpora that a node's parameters name, as they are now: one a split of `input_config`.

    A split's name is that of the corpus; its pattern, relative to `input_base` or absolute, a file,
    a folder or a pattern with spans. `range_config` says how many spans count, the latest.
    """
    config, spans = example_gen_pb2.Input(), range_config_pb2.RangeConfig()
    proto_utils.json_to_proto(str(parameters["input_config"]), config)
    if parameters.get("range_config"):
        proto_utils.json_to_proto(str(parameters["range_config"]), spans)
    base, latest = str(parameters["input_base"]), spans.rolling_range.num_spans or None
    return [locate(split.name, join(base, split.pattern), latest) for split in config.splits]


def read_identities(files: Iterable[TextFile]) -> list[InputFile]:
    """What the files hold, by source; reads every file of this machine."""
    listed = (InputFile(file.source, file.bytes, identity(file.path)) for file in files)
    return sorted(listed)


def fingerprint(files: Iterable[InputFile]) -> str:
    """Number of files, bytes, and a SHA-256 over names and contents; times do not count."""
    digest, count, size = hashlib.sha256(), 0, 0
    for file in files:
        digest.update(file.source.encode() + b"\0" + file.identity.encode() + b"\0")
        count, size = count + 1, size + file.bytes
    return f"files:{count},bytes:{size},sha256:{digest.hexdigest()}"


def write_manifest(folder: str, files: Iterable[InputFile]) -> None:
    """Says in an Examples artifact what it was made from."""
    content = json.dumps([file._asdict() for file in files], indent=1, ensure_ascii=False)
    with tf.io.gfile.GFile(join(folder, MANIFEST), "w") as stream:
        stream.write(content + "\n")


def read_manifest(folder: str) -> list[InputFile] | None:
    """The inverse; None where an artifact was made before there were manifests."""
    path = join(folder, MANIFEST)
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path) as stream:
        return [InputFile(**file) for file in json.loads(stream.read())]
