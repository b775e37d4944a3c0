"""Passages join to the files they come from, however they are split, sharded or interrupted."""

import gzip
import hashlib
import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from backports import zstd
from tfx.types import Artifact, artifact_utils

from gptfx.components.examples import EVAL, TRAIN, RawExample, read_raw_examples, shards
from gptfx.components.text_example_gen import executor
from gptfx.components.text_example_gen.manifest import read_manifest
from gptfx.data.corpora import locate
from gptfx.data.errors import InputError
from gptfx.data.inspection import count_invalid_bytes
from gptfx.data.statistics import corpus_statistics

Ingest = Callable[..., Artifact]
HARD = {
    "a/one.txt": b"To be, or not to be, that is the question:\n" * 20,
    "a/deep/er/two.txt": "漢字かな交じり文😀".encode() * 30,
    "a/empty.txt": b"",
    "b/crlf.txt": b"Whether 'tis nobler\r\n" * 20,
    "b/latin1.txt": b"caf\xe9 \xff\xfe cr\xe8me\n" * 20,
    "b/no newline": b"x" * 500,
}


def read(examples: Artifact) -> dict[str, list[RawExample]]:
    """The examples of each split, in the order of source and position."""
    return {
        split: sorted(
            read_raw_examples(artifact_utils.get_split_uri([examples], split)),
            key=lambda example: (example.source, example.position),
        )
        for split in (TRAIN, EVAL)
    }


def texts_of(examples: list[RawExample]) -> dict[str, bytes]:
    groups = itertools.groupby(examples, key=lambda example: example.source)
    return {
        source.decode(): b"".join(example.text for example in group) for source, group in groups
    }


@pytest.fixture(scope="module")
def hard(ingest: Ingest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[RawExample]]:
    return read(ingest(tmp_path_factory.mktemp("hard"), HARD))


def test_passages_in_order_of_position_are_the_file_byte_for_byte(
    hard: dict[str, list[RawExample]],
) -> None:
    train, evaluation = texts_of(hard[TRAIN]), texts_of(hard[EVAL])
    for source, content in HARD.items():
        assert train.get(source, b"") + evaluation.get(source, b"") == content
    assert set(train) == {source for source, content in HARD.items() if content}


def test_a_position_is_the_byte_offset_in_the_file(hard: dict[str, list[RawExample]]) -> None:
    for example in hard[TRAIN] + hard[EVAL]:
        content = HARD[example.source.decode()]
        assert content[example.position :].startswith(example.text)


def test_a_passage_has_at_most_the_bytes_that_were_asked_for(
    hard: dict[str, list[RawExample]],
) -> None:
    lengths = [len(example.text) for example in hard[TRAIN] + hard[EVAL]]
    assert min(lengths) >= 1
    assert max(lengths) == 64


def test_no_character_and_no_line_end_is_cut(hard: dict[str, list[RawExample]]) -> None:
    for split in (TRAIN, EVAL):
        for example in hard[split]:
            if example.source != b"b/latin1.txt":
                assert count_invalid_bytes(example.text) == 0
            assert not example.text.startswith(b"\n")


def test_each_file_gives_its_last_part_to_eval_and_the_part_is_about_the_fraction(
    hard: dict[str, list[RawExample]],
) -> None:
    evaluation = texts_of(hard[EVAL])
    for source, content in HARD.items():
        part = evaluation.get(source, b"")
        assert content.endswith(part)
        assert abs(len(part) - 0.25 * len(content)) <= 43  # the longest line


def test_a_tenth_of_a_percent_is_a_fraction_too(ingest: Ingest, tmp_path: Path) -> None:
    examples = read(ingest(tmp_path, {"a/b.txt": b"one two\n" * 1000}, eval_fraction=0.001))
    assert texts_of(examples[EVAL]) == {"a/b.txt": b"one two\n"}


def test_hidden_files_and_folders_are_not_read(ingest: Ingest, tmp_path: Path) -> None:
    texts = {"a/b.txt": b"words\n" * 9, "a/.c": b"x", ".git/d": b"x", "a/.e/f": b"x"}
    assert list(texts_of(read(ingest(tmp_path, texts))[TRAIN])) == ["a/b.txt"]


def test_links_to_files_are_read_under_their_own_names(ingest: Ingest, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.txt").write_bytes(b"words\n" * 9)
    (tmp_path / "texts/a").mkdir(parents=True)
    (tmp_path / "texts/a/link.txt").symlink_to(tmp_path / "elsewhere.txt")
    assert list(texts_of(read(ingest(tmp_path, {}))[TRAIN])) == ["a/link.txt"]


def test_a_split_without_text_is_one_empty_shard_that_readers_take(
    ingest: Ingest, tmp_path: Path
) -> None:
    examples = ingest(tmp_path, {"a/b.txt": b"x"})
    folder = artifact_utils.get_split_uri([examples], EVAL)
    assert [Path(shard).name for shard in shards(folder)] == ["data_tfrecord-00000-of-00001.gz"]
    assert read(examples)[EVAL] == []


def test_a_large_corpus_makes_several_shards_all_of_which_the_pattern_names(
    ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "SHARD_BYTES", 400)
    examples = ingest(tmp_path, HARD)
    folder = Path(artifact_utils.get_split_uri([examples], TRAIN))
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"data_tfrecord-{index:05d}-of-00004.gz" for index in range(4)]
    assert sorted(path.name for path in folder.glob("*-of-*")) == names
    both = read(examples)
    train, evaluation = texts_of(both[TRAIN]), texts_of(both[EVAL])
    assert {name: train[name] + evaluation[name] for name in train} == {
        name: content for name, content in HARD.items() if content
    }


def test_compressed_files_are_read_as_the_text_they_hold(ingest: Ingest, tmp_path: Path) -> None:
    text = b"To be, or not to be, that is the question:\n" * 20
    examples = read(
        ingest(tmp_path, {"a/b.gz": gzip.compress(text), "a/c.zst": zstd.compress(text)})
    )
    train, evaluation = texts_of(examples[TRAIN]), texts_of(examples[EVAL])
    assert {name: train[name] + evaluation[name] for name in train} == {
        "a/b.gz": text,
        "a/c.zst": text,
    }


def test_the_artifact_says_which_files_it_was_made_from(ingest: Ingest, tmp_path: Path) -> None:
    examples = ingest(tmp_path, {"a/c.txt": b"words\n", "a/b.txt": b"word\n"})
    manifest = read_manifest(examples.uri)
    assert [(file.source, file.bytes) for file in manifest] == [("a/b.txt", 5), ("a/c.txt", 6)]
    assert manifest[0].identity == "sha256:" + hashlib.sha256(b"word\n").hexdigest()


def test_the_figures_about_the_text_are_properties_of_the_artifact(
    ingest: Ingest, tmp_path: Path
) -> None:
    examples = ingest(
        tmp_path, {"a/b.txt": b"words\n" * 50, "a/c.txt": "Ω\xff\n".encode("latin-1", "ignore")}
    )
    figures = corpus_statistics(locate("a", str(tmp_path / "texts/a")).files)
    assert examples.get_int_custom_property("bytes") == figures.bytes == 302
    assert examples.get_int_custom_property("invalid_sequences") == 1
    assert examples.get_float_custom_property("compression_ratio") == figures.compression_ratio
    assert json.loads(examples.get_string_custom_property("scripts")) == figures.scripts


def test_a_corpus_that_changes_while_it_is_read_is_refused(
    ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = executor.plan_shards

    def plan_and_change(*arguments: Any) -> list[executor.Shard]:
        (tmp_path / "texts/a/b.txt").write_bytes(b"other\n" * 9)
        return plan(*arguments)

    monkeypatch.setattr(executor, "plan_shards", plan_and_change)
    with pytest.raises(InputError, match="changed while it was read"):
        ingest(tmp_path, {"a/b.txt": b"words\n" * 9})


@pytest.fixture
def failed_split(ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a split that was being written when the disk was full."""

    def full(*_: object) -> list[tuple[int, bytes]]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(executor, "read_passages", full)
    with pytest.raises(Exception, match="No space left"):
        ingest(tmp_path, {"a/b.txt": b"words\n" * 9})
    return tmp_path / "examples/Split-train"


def test_a_write_that_fails_leaves_no_shard(failed_split: Path) -> None:
    assert shards(str(failed_split)) == []


def test_what_a_failed_write_leaves_is_read_by_nobody(failed_split: Path) -> None:
    # Neither Beam nor TensorFlow passes over hidden files, and TFX's nodes read every file.
    for pattern in ("*", "*-of-*"):
        found = beam.io.filesystems.FileSystems.match([str(failed_split / pattern)])
        assert [metadata.path for metadata in found[0].metadata_list] == []


def test_a_retry_after_a_failed_write_succeeds_and_cleans_up(
    failed_split: Path, ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    shard = executor.plan_shards(
        list(locate("a", str(tmp_path / "texts/a")).files), 0.0, str(failed_split.parent)
    )[0]
    assert list(executor.WriteShard(64).process(shard)) == [shard.target]
    left = [path for path in failed_split.parent.rglob("*") if path.is_file()]
    assert left == [Path(shard.target)]


PEAK_OF_INGEST = """
import resource, sys
from pathlib import Path
from gptfx.components.text_example_gen import executor
from gptfx.data.corpora import locate

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10

folder = Path(sys.argv[1])
small, large = (
    executor.plan_shards(list(locate("a", str(folder / name)).files), 0.1, str(folder / "out"))
    for name in ("small", "large")
)
for shard in small:  # what comes with the first use of the libraries
    list(executor.WriteShard(2048).process(shard))
before = peak()
for shard in large:
    list(executor.WriteShard(2048).process(shard))
print(peak() - before)
"""


@pytest.mark.slow
def test_memory_stays_bounded_whatever_the_size_of_a_file(tmp_path: Path) -> None:
    line = b"To be, or not to be, that is the question:\n"
    for name, count in (("small", 1), ("large", (64 << 20) // len(line))):
        (tmp_path / name / "a").mkdir(parents=True)
        (tmp_path / name / "a/b.txt").write_bytes(line * count)
    command = [sys.executable, "-c", PEAK_OF_INGEST, str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(done.stdout) < 8 << 20
