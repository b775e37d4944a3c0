"""A staged corpus is the corpus: the same files below ``TO/CORPUS``, which a run takes."""

from pathlib import Path
from typing import Any

import pytest

from gptfx.data.corpora import resolve
from gptfx.data.errors import InputError
from gptfx.data.stage import stage


@pytest.fixture
def plays(tmp_path: Path) -> Path:
    """A folder of one's own: two texts, an empty file, a hidden one."""
    folder = tmp_path / "plays"
    for name, text in {"a.txt": "words", "deep/b.txt": "words, words", "c": "", ".d": "x"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("kind", ["folder", "mem"])
def test_what_was_staged_resolves_to_the_same_corpus(
    plays: Path, tmp_path: Path, memory: Any, kind: str
) -> None:
    to = "mem://bucket/texts" if kind == "mem" else str(tmp_path / "new/texts")
    staged = stage(str(plays), tmp_path, to)
    assert staged == f"{to}/plays"
    files = [(file.source, file.bytes) for file in resolve(staged, tmp_path).files]
    assert files == [("plays/a.txt", 5), ("plays/deep/b.txt", 12)]


def test_a_corpus_by_name_is_staged_below_its_name(tmp_path: Path, memory: Any) -> None:
    assert stage("scene", tmp_path, "mem://bucket/texts/") == "mem://bucket/texts/scene"
    assert list(memory.files) == ["mem://bucket/texts/scene/scene.txt"]


def test_staging_again_writes_the_files_again(plays: Path, tmp_path: Path, memory: Any) -> None:
    stage(str(plays), tmp_path, "mem://bucket")
    (plays / "a.txt").write_text("swords")
    stage(str(plays), tmp_path, "mem://bucket")
    assert memory.files["mem://bucket/plays/a.txt"] == b"swords"
    assert len(memory.files) == 2


def test_what_lies_in_a_bucket_is_staged_on_this_machine(tmp_path: Path, memory: Any) -> None:
    memory.files["mem://bucket/plays/a.txt"] = b"words"
    assert stage("mem://bucket/plays", tmp_path, str(tmp_path)) == str(tmp_path / "plays")
    assert (tmp_path / "plays/a.txt").read_bytes() == b"words"


def test_a_target_that_cannot_be_written_is_named(plays: Path, tmp_path: Path, memory: Any) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(InputError, match=r"cannot be staged.*file/plays/a\.txt.*--to"):
        stage(str(plays), tmp_path, str(tmp_path / "file"))


def test_a_bucket_that_cannot_be_written_is_named(
    plays: Path, tmp_path: Path, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(*_: object) -> None:
        raise PermissionError("403 Forbidden")

    monkeypatch.setattr(memory, "create", deny)
    with pytest.raises(InputError, match=r"403 Forbidden.*mem://bucket/plays/a\.txt"):
        stage(str(plays), tmp_path, "mem://bucket")
    assert not memory.files
