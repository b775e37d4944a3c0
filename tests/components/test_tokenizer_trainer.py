"""Beam's tokenizer is the one that plain Python learns from the same passages."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf
from tfx.types import Artifact, Channel, artifact_utils, standard_artifacts

from gptfx.components.examples import TRAIN, RawExample, read_raw_examples
from gptfx.components.tokenizer_trainer.component import TokenizerTrainer
from gptfx.modules.config import TokenizerConfig
from gptfx.modules.tokenizers.kinds import train_bpe
from gptfx.modules.tokenizers.splitting import split
from gptfx.modules.tokenizers.tokenizer import Tokenizer

Learn = Callable[..., Artifact]


@pytest.fixture
def learn(execute: Callable[..., dict[str, Artifact]], tmp_path: Path) -> Learn:
    """Runs TokenizerTrainer."""

    def run(examples: Artifact, vocab_size: int = 280) -> Artifact:
        channel = Channel(type=standard_artifacts.Examples)
        node = TokenizerTrainer(channel, TokenizerConfig(vocab_size=vocab_size))
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


def test_a_corpus_too_small_for_the_vocabulary_gives_a_smaller_one_and_says_so(
    learn: Learn, tmp_path: Path
) -> None:
    passages = [RawExample(b"abc", b"a", 0)]
    learned = learn(sharded(passages, 1, tmp_path / "shards"), vocab_size=1000)
    assert learned.get_int_custom_property("vocab_size") == 256 + 2 + 1
