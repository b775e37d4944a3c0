"""Makes the configured tokenizer, from what Beam counts in the train split."""

import json
import posixpath
import time
from functools import partial

import apache_beam as beam
from tfx.dsl.components.base import base_beam_executor
from tfx.types import Artifact, artifact_utils

from gptfx.components.examples import SHARD_PATTERN, TRAIN
from gptfx.components.files import made, read_text
from gptfx.components.tokenizer_trainer.counting import Count, CountPieces
from gptfx.modules.config import TokenizerConfig
from gptfx.modules.progress import Progress, report
from gptfx.modules.tokenizers.configured import make_tokenizer
from gptfx.modules.tokenizers.pieces import pieces_of
from gptfx.modules.tokenizers.trainer import WordCount

CONFIG = "config"
PIECES = "pieces"
REPORT_EVERY_S = 1.0


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs TokenizerTrainer."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, object],
    ) -> None:
        """Writes ``tokenizer.json`` into the `tokenizer` artifact.

        Raises InputError for ranks or a file that are missing or not what they should be, and for
        a corpus with too few pairs if that is not allowed.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        config = TokenizerConfig.model_validate_json(str(exec_properties[CONFIG]))
        train = artifact_utils.get_split_uri(input_dict["examples"], TRAIN)
        counts = [] if config.kind == "byte" else self._count(train, config)
        tokenizer = make_tokenizer(config, counts, _MergeReports())
        artifact = artifact_utils.get_single_instance(output_dict["tokenizer"])
        with made(artifact.uri) as folder:
            tokenizer.save(folder)
        artifact.set_string_custom_property("kind", tokenizer.kind)
        artifact.set_int_custom_property("vocab_size", tokenizer.vocab_size)
        artifact.set_string_custom_property("normalization", tokenizer.normalization)
        artifact.set_string_custom_property("digest", tokenizer.digest)

    def _count(self, folder: str, config: TokenizerConfig) -> list[WordCount]:
        """Distinct pieces with counts, in the order of their first occurrence in the corpus."""
        target = posixpath.join(self._get_tmp_dir(), PIECES)  # may be a URI: no Path
        pieces = partial(pieces_of, kind=config.kind, normalization=config.normalization)
        with self._make_beam_pipeline() as pipeline:
            _ = (
                pipeline
                | "Read" >> beam.io.ReadFromTFRecord(posixpath.join(folder, SHARD_PATTERN))
                | "CountPieces" >> CountPieces(pieces)
                | "Serialize" >> beam.Map(serialize)
                | "Write" >> beam.io.WriteToText(target, shard_name_template="")
            )
        ordered = sorted(json.loads(line) for line in read_text(target).splitlines())
        return [(bytes.fromhex(piece), count) for _, _, _, piece, count in ordered]


def serialize(entry: tuple[bytes, Count]) -> str:
    """A JSON line that sorts as the piece's first place does."""
    piece, ((source, position, index), count) = entry
    return json.dumps([source.hex(), position, index, piece.hex(), count])


class _MergeReports:
    """Reports merges at most every second: a small corpus is done before there is much to say."""

    def __init__(self) -> None:
        self.started = self.reported = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self.reported < REPORT_EVERY_S:
            return
        self.reported = now
        seconds_left = (now - self.started) / done * (total - done)
        report(Progress("tokenizer", done, total, "merge", seconds_left=seconds_left))
