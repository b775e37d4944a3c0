"""Counts the distinct words of the train split on Beam and learns merges from them."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import apache_beam as beam
from absl import logging
from tfx.dsl.components.base import base_beam_executor
from tfx.types import Artifact, artifact_utils

from gptfx.components.examples import SHARD_PATTERN, TRAIN, RawExample
from gptfx.modules.config import TokenizerConfig
from gptfx.modules.tokenizers.splitting import split
from gptfx.modules.tokenizers.tokenizer import Tokenizer
from gptfx.modules.tokenizers.trainer import WordCount

CONFIG = "config"
WORDS = "words"

# Where a word stands first (source, byte offset of the passage, index in it), and how often.
Place = tuple[bytes, int, int]
Count = tuple[Place, int]


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs TokenizerTrainer."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, object],
    ) -> None:
        """Writes ``tokenizer.json`` into the `tokenizer` artifact."""
        self._log_startup(input_dict, output_dict, exec_properties)
        config = TokenizerConfig.model_validate_json(str(exec_properties[CONFIG]))
        words = self._count_words(artifact_utils.get_split_uri(input_dict["examples"], TRAIN))
        tokenizer = Tokenizer.train(words, config.vocab_size)
        if tokenizer.vocab_size < config.vocab_size:
            logging.warning(
                "The corpus has pairs for %d tokens only; %d were asked for.",
                tokenizer.vocab_size,
                config.vocab_size,
            )
        artifact = artifact_utils.get_single_instance(output_dict["tokenizer"])
        tokenizer.save(Path(artifact.uri))
        artifact.set_string_custom_property("kind", tokenizer.kind)
        artifact.set_int_custom_property("vocab_size", tokenizer.vocab_size)

    def _count_words(self, folder: str) -> list[WordCount]:
        """Distinct words with counts, in the order of their first occurrence in the corpus."""
        target = Path(self._get_tmp_dir()) / WORDS
        with self._make_beam_pipeline() as pipeline:
            _ = (
                pipeline
                | "Read" >> beam.io.ReadFromTFRecord(str(Path(folder) / SHARD_PATTERN))
                | "Split" >> beam.FlatMap(count_words)
                | "Count" >> beam.CombinePerKey(sum_counts)
                | "Serialize" >> beam.Map(serialize)
                | "Write" >> beam.io.WriteToText(str(target), shard_name_template="")
            )
        lines = target.read_text(encoding="ascii").splitlines()
        ordered = sorted(json.loads(line) for line in lines)
        return [(bytes.fromhex(word), count) for _, _, _, word, count in ordered]


def count_words(serialized: bytes) -> Iterator[tuple[bytes, Count]]:
    """The distinct words of one passage, with place and count."""
    example = RawExample.parse(serialized)
    counts: dict[bytes, Count] = {}
    for index, word in enumerate(split(example.text)):
        place, count = counts.get(word, ((example.source, example.position, index), 0))
        counts[word] = (place, count + 1)
    yield from counts.items()


def sum_counts(counts: Iterable[Count]) -> Count:
    """First place and sum; Beam's combiner, which never calls it on nothing for a key."""
    places, numbers = zip(*counts, strict=True)
    return min(places), sum(numbers)


def serialize(entry: tuple[bytes, Count]) -> str:
    """A JSON line that sorts as the word's first place does."""
    word, ((source, position, index), count) = entry
    return json.dumps([source.hex(), position, index, word.hex(), count])
