"""Beam's tokenizer is the one that plain Python learns from the same passages."""

import json
import logging
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import apache_beam as beam
import pytest
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.util import assert_that, equal_to
from tfx.types import Artifact, Channel, artifact_utils, standard_artifacts

from gptfx.components.examples import TRAIN, RawExample, read_raw_examples
from gptfx.components.tokenizer_trainer import counting
from gptfx.components.tokenizer_trainer.component import TokenizerTrainer
from gptfx.data.errors import InputError
from gptfx.modules.config import TokenizerConfig
from gptfx.modules.tokenizers.kinds import train_bpe
from gptfx.modules.tokenizers.splitting import split
from gptfx.modules.tokenizers.tokenizer import Tokenizer

Learn = Callable[..., Artifact]


@pytest.fixture
def learn(execute: Callable[..., dict[str, Artifact]], tmp_path: Path) -> Learn:
    """Runs TokenizerTrainer."""

    def run(examples: Artifact, vocab_size: int = 280, **settings: object) -> Artifact:
        channel = Channel(type=standard_artifacts.Examples)
        config = TokenizerConfig.model_validate({"vocab_size": vocab_size, **settings})
        node = TokenizerTrainer(channel, config)
        return execute(node, tmp_path / "learn", {"examples": examples})["tokenizer"]

    return run


def train_passages(examples: Artifact) -> list[RawExample]:
    return list(read_raw_examples(artifact_utils.get_split_uri([examples], TRAIN)))


def in_plain_python(passages: list[RawExample], vocab_size: int) -> Tokenizer:
    counts: dict[bytes, int] = {}
    for passage in sorted(passages, key=lambda passage: (passage.source, passage.position)):
        for word in split(passage.text):
            counts[word] = counts.get(word, 0) + 1
    return train_bpe(list(counts.items()), vocab_size)


def sharded(passages: list[RawExample], count: int, folder: Path) -> Artifact:
    """The passages dealt out to so many shards."""
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder)
    artifact.split_names = artifact_utils.encode_split_names([TRAIN])
    target = Path(artifact_utils.get_split_uri([artifact], TRAIN))
    target.mkdir(parents=True)
    for index in range(count):
        name = f"data_tfrecord-{index:05d}-of-{count:05d}.gz"
        with tf.io.TFRecordWriter(str(target / name), "GZIP") as writer:
            for passage in passages[index::count]:
                writer.write(passage.serialize())
    return artifact


def test_it_equals_the_tokenizer_of_plain_python(tokenizer: Artifact, examples: Artifact) -> None:
    learned = Tokenizer.load(Path(tokenizer.uri))
    assert learned == in_plain_python(train_passages(examples), 280)
    assert b" bells" in learned.words


def test_number_and_order_of_shards_change_nothing(
    learn: Learn, tokenizer: Artifact, examples: Artifact, tmp_path: Path
) -> None:
    passages = train_passages(examples)
    random.Random(0).shuffle(passages)
    again = Tokenizer.load(Path(learn(sharded(passages, 3, tmp_path / "shards")).uri))
    assert again == Tokenizer.load(Path(tokenizer.uri))
    assert again.digest == Tokenizer.load(Path(tokenizer.uri)).digest


def test_what_an_earlier_attempt_left_is_not_counted(
    learn: Learn, examples: Artifact, tokenizer: Artifact, tmp_path: Path
) -> None:
    temporary = tmp_path / "learn/tmp/1"
    temporary.mkdir(parents=True)
    for name in ("words", "words-00000-of-00007"):
        (temporary / name).write_text(json.dumps(["", 0, 0, b"zz".hex(), 999]) + "\n")
    assert Tokenizer.load(Path(learn(examples).uri)) == Tokenizer.load(Path(tokenizer.uri))


def test_among_equally_frequent_pairs_the_first_of_the_first_source_wins(
    learn: Learn, tmp_path: Path
) -> None:
    passages = [RawExample(b"cd", b"b", 0), RawExample(b"ef", b"a", 9), RawExample(b"ab", b"a", 1)]
    learned = Tokenizer.load(Path(learn(sharded(passages, 1, tmp_path / "shards")).uri))
    assert [bytes(pair) for pair in learned.merges] == [b"ab", b"ef", b"cd"]


def test_a_source_is_ordered_by_its_bytes_and_a_position_as_a_number(
    learn: Learn, tmp_path: Path
) -> None:
    passages = [
        RawExample(b"gh", "é".encode(), 0),
        RawExample(b"ef", b"z", 10),
        RawExample(b"cd", b"z", 9),
        RawExample(b"ab", b"B", 0),
    ]
    learned = Tokenizer.load(Path(learn(sharded(passages, 2, tmp_path / "shards")).uri))
    assert [bytes(pair) for pair in learned.merges] == [b"ab", b"cd", b"ef", b"gh"]


def test_the_artifact_says_what_it_holds(tokenizer: Artifact) -> None:
    assert tokenizer.get_string_custom_property("kind") == "bpe"
    assert tokenizer.get_int_custom_property("vocab_size") == 280


@pytest.fixture
def too_small(tmp_path: Path) -> Artifact:
    """A corpus with two pairs."""
    return sharded([RawExample(b"abc", b"a", 0)], 1, tmp_path / "shards")


def test_a_corpus_too_small_for_the_vocabulary_gives_a_smaller_one_and_says_so(
    learn: Learn, too_small: Artifact, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "gptfx.progress"):
        learned = learn(too_small, vocab_size=1000)
    assert learned.get_int_custom_property("vocab_size") == 256 + 2 + 1
    (notice,) = [record.notice for record in caplog.records if hasattr(record, "notice")]
    assert "a vocabulary of 259 only; tokenizer.vocab_size asked for 1,000" in notice


def test_a_corpus_too_small_for_the_vocabulary_ends_the_run_where_that_is_asked_for(
    learn: Learn, too_small: Artifact
) -> None:
    with pytest.raises(InputError, match=r"259 only.*= 1000.*allow_fewer=true"):
        learn(too_small, vocab_size=1000, allow_fewer=False)


@pytest.mark.parametrize("kind", ["char", "byte", "gpt2"])
def test_the_other_kinds_are_made_of_the_same_counts(
    learn: Learn, examples: Artifact, kind: str
) -> None:
    artifact = learn(examples, kind=kind)
    learned = Tokenizer.load(Path(artifact.uri))
    assert artifact.get_string_custom_property("kind") == learned.kind == kind
    assert ("ü" in learned.characters) == (kind == "char")
    assert (b" bells" in learned.words) == (kind == "gpt2")


WORKERS = ["--direct_running_mode=multi_threading", "--direct_num_workers=3"]


@pytest.mark.parametrize("options", [[], WORKERS], ids=["one worker", "three workers"])
@pytest.mark.parametrize("most", [counting.MOST_PIECES, 5], ids=["held", "handed on"])
def test_counts_and_first_places_do_not_depend_on_who_counts(
    examples: Artifact, monkeypatch: pytest.MonkeyPatch, options: list[str], most: int
) -> None:
    monkeypatch.setattr(counting, "MOST_PIECES", most)
    passages = sorted(train_passages(examples), key=lambda each: (each.source, each.position))
    expected: dict[bytes, counting.Count] = {}
    for passage in passages:
        in_passage = Counter(split(passage.text))
        for index, (word, count) in enumerate(in_passage.items()):
            here = (passage.source, passage.position, index)
            first, before = expected.get(word, (here, 0))
            expected[word] = (first, before + count)
    runner = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
    with beam.Pipeline(runner=runner, options=PipelineOptions(options)) as pipeline:
        serialized = beam.Create([passage.serialize() for passage in passages])
        counted = pipeline | serialized | beam.Reshuffle() | counting.CountPieces(split)
        assert_that(counted, equal_to(list(expected.items())))
