"""Texts of a run: looked through before anything runs."""

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
    with pytest.raises(InputError, match="same name"):
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
