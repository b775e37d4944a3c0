"""The fingerprint of the input is that of names and contents; times do not count."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from gptfx.components.text_example_gen.component import TextExampleGen
from gptfx.components.text_example_gen.driver import TextDriver

TEXTS = {"a/b.txt": "words", "a/deep/c.txt": "more words", "d/e.txt": ""}


def fingerprint(folder: Path) -> str:
    corpora = {path.name: str(path) for path in folder.iterdir() if path.name[0] != "."}
    node = TextExampleGen(corpora, 0.1, 64)
    driver = TextDriver(None)
    return driver.resolve_exec_properties(dict(node.exec_properties), None, None)[
        "input_fingerprint"
    ]


def write(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "texts", TEXTS)
    return tmp_path / "texts"


def test_the_fingerprint_starts_with_what_a_reader_can_check(folder: Path) -> None:
    assert fingerprint(folder).startswith("files:3,bytes:15,sha256:")


def test_a_touched_or_copied_corpus_is_the_same(folder: Path, tmp_path: Path) -> None:
    before = fingerprint(folder)
    os.utime(folder / "a/b.txt", (0, 0))
    assert fingerprint(folder) == before
    shutil.copytree(folder, tmp_path / "copy", copy_function=shutil.copyfile)
    assert fingerprint(tmp_path / "copy") == before


def test_links_to_the_files_are_the_same_as_the_files(folder: Path, tmp_path: Path) -> None:
    for name in TEXTS:
        link = tmp_path / "links" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(folder / name)
    assert fingerprint(tmp_path / "links") == fingerprint(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"a/b.txt": "wordt"},
        {"a/b.txt": ""},
        {"a/z.txt": "new"},
        {"a/z.txt": ""},
        {"a/deep/er/z.txt": "new"},
        {"z/z.txt": "new"},
    ],
    ids=["a byte", "emptied", "added", "added empty", "added deep", "a corpus"],
)
def test_a_changed_or_added_file_is_another_input(folder: Path, change: dict[str, str]) -> None:
    before = fingerprint(folder)
    write(folder, change)
    assert fingerprint(folder) != before


def test_a_removed_or_renamed_file_is_another_input(folder: Path) -> None:
    before = fingerprint(folder)
    (folder / "a/b.txt").rename(folder / "a/z.txt")
    renamed = fingerprint(folder)
    (folder / "a/z.txt").unlink()
    assert len({before, renamed, fingerprint(folder)}) == 3


def test_text_that_moves_from_one_file_to_the_next_is_another_input(folder: Path) -> None:
    write(folder, {"a/b.txt": "wor", "a/deep/c.txt": "dsmore words"})
    before = fingerprint(folder)
    write(folder, TEXTS)
    assert fingerprint(folder) != before


def test_zero_bytes_do_not_hide_the_border_between_name_and_content(tmp_path: Path) -> None:
    write(tmp_path / "one", {"a": "x\0b\0y", "c": "z"})
    write(tmp_path / "two", {"a": "x", "b": "y\0c\0z"})
    assert fingerprint(tmp_path / "one") != fingerprint(tmp_path / "two")


def test_hidden_files_do_not_count(folder: Path) -> None:
    before = fingerprint(folder)
    write(folder, {"a/.cache": "x", ".git/config": "x"})
    assert fingerprint(folder) == before


def resolved(folder: Path, pattern: str, latest_spans: int | None = None) -> dict[str, Any]:
    node = TextExampleGen({"logs": pattern}, 0.1, 64, latest_spans, str(folder))
    return TextDriver(None).resolve_exec_properties(dict(node.exec_properties), None, None)


def test_the_latest_span_is_written_down_and_a_path_may_be_relative_to_the_base(
    folder: Path,
) -> None:
    write(folder, {"logs/1/a": "x", "logs/12/a": "yy"})
    seen = resolved(folder, "logs/{SPAN}")
    assert seen["span"] == 12
    assert seen["version"] is None
    assert seen["input_fingerprint"].startswith("files:2,bytes:3,")
    assert resolved(folder, "a")["span"] == 0


def test_an_old_span_that_changes_is_another_input_only_where_it_counts(folder: Path) -> None:
    write(folder, {"logs/1/a": "x", "logs/2/a": "y"})
    before = [resolved(folder, "logs/{SPAN}", latest)["input_fingerprint"] for latest in (None, 1)]
    write(folder, {"logs/1/b": "z"})
    after = [resolved(folder, "logs/{SPAN}", latest)["input_fingerprint"] for latest in (None, 1)]
    assert before[0] != after[0]
    assert before[1] == after[1]
    write(folder, {"logs/3/a": "x"})
    assert resolved(folder, "logs/{SPAN}", 1)["input_fingerprint"] != after[1]
