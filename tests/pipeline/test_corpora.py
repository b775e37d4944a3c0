"""Texts of a run: looked through before anything runs."""

import gzip
import hashlib
from pathlib import Path

import pytest

from gptfx.data.errors import InputError
from gptfx.pipeline.config import DataConfig
from gptfx.pipeline.corpora import resolve_all


def config(*corpora: object, **more: object) -> DataConfig:
    return DataConfig(corpora=tuple(str(corpus) for corpus in corpora), **more)


def test_two_corpora_of_one_name_are_refused(tmp_path: Path) -> None:
    for parent in ("x", "y"):
        (tmp_path / parent).mkdir()
        (tmp_path / parent / "same.txt").write_text("text")
    with pytest.raises(InputError, match=r"two corpora have the name same.*x/same\.txt.*y/same"):
        resolve_all(config(tmp_path / "x/same.txt", tmp_path / "y/same.txt"), tmp_path)


def test_a_binary_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "b.bin").write_bytes(b"\x7fELF\0\0")
    with pytest.raises(InputError, match=r"b\.bin"):
        resolve_all(config(tmp_path), tmp_path / "home")


def test_invalid_utf8_above_the_bound_is_refused_and_below_it_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"text \xff\xff" + b"x" * 93)
    with pytest.raises(InputError, match=r"data\.max_invalid_fraction"):
        resolve_all(config(tmp_path, max_invalid_fraction=0.01), tmp_path / "home")
    assert resolve_all(config(tmp_path, max_invalid_fraction=0.02), tmp_path / "home")


def test_what_is_passed_over_is_noted(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"text " * 100 + b"\xff")
    (tmp_path / "b.txt").touch()
    notes: list[str] = []
    resolve_all(config(tmp_path, max_invalid_fraction=0.01), tmp_path / "home", notes)
    assert any("a.txt: 1 bytes are not UTF-8" in note for note in notes)
    assert any("b.txt is empty" in note for note in notes)


def test_a_weight_for_a_corpus_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"names no corpus.*'hamlet'.*scene, unicode"):
        resolve_all(config("scene", "unicode", weights={"hamlet": 2}), tmp_path)


def test_a_registered_corpus_is_learned_from_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n")
    sha256 = hashlib.sha256(b"one\n").hexdigest()
    own = {"mine": {"uri": str(tmp_path / "a.txt"), "sha256": sha256, "licence": "CC0-1.0"}}
    corpora = resolve_all(config("mine", registered=own), tmp_path)
    assert [corpus.files[0].source for corpus in corpora] == ["mine/a.txt"]


def test_the_latest_spans_alone_are_looked_through(tmp_path: Path) -> None:
    for span, text in (("1", b"\0binary"), ("2", b"text")):
        (tmp_path / "logs" / span).mkdir(parents=True)
        (tmp_path / "logs" / span / "a.txt").write_bytes(text)
    pattern = f"{tmp_path}/logs/{{SPAN}}"
    assert resolve_all(config(pattern, latest_spans=1), tmp_path)[0].spans == (2,)
    with pytest.raises(InputError, match=r"logs/1/a\.txt"):
        resolve_all(config(pattern), tmp_path)


def test_a_compressed_text_is_looked_through_decompressed(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"\0binary"))
    with pytest.raises(InputError, match=r"a\.txt\.gz"):
        resolve_all(config(tmp_path / "a.txt.gz"), tmp_path)
