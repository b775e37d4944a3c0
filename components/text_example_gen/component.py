"""TextExampleGen: a folder of UTF-8 text files in, tf.Examples of passages out, split in two."""

from tfx.components import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2
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

    The folder holds one folder a corpus (``input_base/CORPUS/...``). Each tf.Example has `text`
    (bytes; never cuts a character; joined in the order of `position` they are the file), `source`
    (``CORPUS/FILE``) and `position` (byte offset in the file). The fingerprint that decides whether
    the input changed is that of the contents, not of the files' times.
    """

    SPEC_CLASS = TextExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)
    DRIVER_CLASS = driver.TextDriver

    def __init__(self, input_base: str, eval_fraction: float, passage_bytes: int) -> None:
        """Wires the node.

        Args:
          input_base: the folder.
          eval_fraction: share of each file's bytes that goes to the eval split, from its end.
          passage_bytes: the longest passage.
        """
        eval_parts = round(eval_fraction * SPLIT_PARTS)
        split = example_gen_pb2.SplitConfig.Split
        splits = [
            split(name=TRAIN, hash_buckets=SPLIT_PARTS - eval_parts),
            split(name=EVAL, hash_buckets=eval_parts),
        ]
        every_file = example_gen_pb2.Input.Split(name="all", pattern="*")
        spec = TextExampleGenSpec(
            input_base=input_base,
            input_config=example_gen_pb2.Input(splits=[every_file]),
            output_config=example_gen_pb2.Output(
                split_config=example_gen_pb2.SplitConfig(splits=splits)
            ),
            output_data_format=example_gen_pb2.FORMAT_TF_EXAMPLE,
            output_file_format=example_gen_pb2.FORMAT_TFRECORDS_GZIP,
            passage_bytes=passage_bytes,
            code=code_fingerprint("components/text_example_gen", "data"),
            examples=Channel(type=standard_artifacts.Examples),
        )
        super(FileBasedExampleGen, self).__init__(spec=spec)
