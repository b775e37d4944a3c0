"""TextExampleGen: UTF-8 text files in, tf.Examples of passages out, split in two."""

from collections.abc import Mapping

from tfx.components import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2, range_config_pb2
from tfx.types import Channel, ComponentSpec, standard_artifacts, standard_component_specs
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from gptfx.components.examples import EVAL, TRAIN
from gptfx.components.fingerprint import code_fingerprint
from gptfx.components.text_example_gen import driver, executor

SPLIT_PARTS = 10_000  # the split is configured in whole parts of this many


class TextExampleGenSpec(ComponentSpec):
    """FileBasedExampleGen's, with the size of a passage."""

    PARAMETERS = {
        **standard_component_specs.FileBasedExampleGenSpec.PARAMETERS,
        executor.PASSAGE_BYTES: ExecutionParameter(type=int),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {}
    OUTPUTS = {"examples": ChannelParameter(type=standard_artifacts.Examples)}


class TextExampleGen(FileBasedExampleGen):
    """Cuts each file into passages; its first part is for training, its last for evaluation.

    Each tf.Example has `text` (bytes; never cuts a character; joined in the order of `position`
    they are the file, decompressed), `source` (``CORPUS/FILE``) and `position` (byte offset in the
    text). The fingerprint that decides whether the input changed is that of the contents, not of
    the files' times. ``inputs.json`` in the artifact names the files and what they held.
    """

    SPEC_CLASS = TextExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)
    DRIVER_CLASS = driver.TextDriver

    def __init__(
        self,
        corpora: Mapping[str, str],
        eval_fraction: float,
        passage_bytes: int,
        latest_spans: int | None = None,
        input_base: str = "",
    ) -> None:
        """Wires the node.

        Args:
          corpora: a file, folder or pattern with spans (``logs/{SPAN}``) by name of the corpus;
            below `input_base` unless it is absolute or a URI.
          eval_fraction: share of each file's bytes that goes to the eval split, from its end.
          passage_bytes: the longest passage.
          latest_spans: how many spans of a corpus count; None for all.
          input_base: where relative paths start.
        """
        spec = TextExampleGenSpec(
            input_base=input_base,
            input_config=_input(corpora),
            range_config=_range(latest_spans),
            output_config=_output(eval_fraction),
            output_data_format=example_gen_pb2.FORMAT_TF_EXAMPLE,
            output_file_format=example_gen_pb2.FORMAT_TFRECORDS_GZIP,
            passage_bytes=passage_bytes,
            code=code_fingerprint("components/text_example_gen", "data"),
            examples=Channel(type=standard_artifacts.Examples),
        )
        super(FileBasedExampleGen, self).__init__(spec=spec)


def _input(corpora: Mapping[str, str]) -> example_gen_pb2.Input:
    split = example_gen_pb2.Input.Split
    splits = [split(name=name, pattern=pattern) for name, pattern in sorted(corpora.items())]
    return example_gen_pb2.Input(splits=splits)


def _range(latest_spans: int | None) -> range_config_pb2.RangeConfig | None:
    if latest_spans is None:
        return None
    rolling = range_config_pb2.RollingRange(num_spans=latest_spans)
    return range_config_pb2.RangeConfig(rolling_range=rolling)


def _output(eval_fraction: float) -> example_gen_pb2.Output:
    eval_parts = round(eval_fraction * SPLIT_PARTS)
    split = example_gen_pb2.SplitConfig.Split
    splits = [
        split(name=TRAIN, hash_buckets=SPLIT_PARTS - eval_parts),
        split(name=EVAL, hash_buckets=eval_parts),
    ]
    return example_gen_pb2.Output(split_config=example_gen_pb2.SplitConfig(splits=splits))
