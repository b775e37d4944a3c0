"""Which files an ExampleGen reads, and the note of them that it leaves (``manifest.py``)."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf
from tfx.proto import example_gen_pb2, range_config_pb2
from tfx.utils import proto_utils

from gptfx.components.text_example_gen.manifest import MANIFEST
from gptfx.data.corpora import TextCorpus, locate
from gptfx.data.identities import InputFile
from gptfx.data.storage import join


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


def write_manifest(folder: str, files: Iterable[InputFile]) -> None:
    """Says in an Examples artifact what it was made from."""
    content = json.dumps([file._asdict() for file in files], indent=1, ensure_ascii=False)
    with tf.io.gfile.GFile(join(folder, MANIFEST), "w") as stream:
        stream.write(content + "\n")
