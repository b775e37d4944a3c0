"""A corpus of one's own, registered with its checksum: what was registered, or a refusal."""

import hashlib
from pathlib import Path

import pytest

from gptfx.data.catalogue import RegisteredCorpus
from gptfx.data.corpora import resolve
from gptfx.data.errors import InputError

TEXTS = {"a.txt": b"one\n", "b.txt": b"two\n"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine").mkdir()
    for name, text in TEXTS.items():
        (tmp_path / "mine" / name).write_bytes(text)
    return tmp_path / "mine"


def registered(
    uri: object, content: bytes = b"".join(TEXTS.values())
) -> dict[str, RegisteredCorpus]:
    sha256 = hashlib.sha256(content).hexdigest()
    return {"books": RegisteredCorpus("books", str(uri), sha256, "CC0-1.0")}


def test_it_is_known_by_its_name_and_gives_its_files(folder: Path, tmp_path: Path) -> None:
    corpus = resolve("books", tmp_path, registered=registered(folder))
    assert [file.source for file in corpus.files] == ["books/a.txt", "books/b.txt"]


def test_a_changed_file_is_refused_with_both_checksums(folder: Path, tmp_path: Path) -> None:
    own = registered(folder)
    (folder / "b.txt").write_bytes(b"tWo\n")
    found = hashlib.sha256(b"one\ntWo\n").hexdigest()
    with pytest.raises(InputError, match=f"{own['books'].sha256}.*{found}"):
        resolve("books", tmp_path, registered=own)


def test_its_spans_count_as_any_others(tmp_path: Path) -> None:
    for span in ("1", "2"):
        (tmp_path / "logs" / span).mkdir(parents=True)
        (tmp_path / "logs" / span / "a.txt").write_text(f"span {span}\n")
    own = registered(f"{tmp_path}/logs/{{SPAN}}", b"span 2\n")
    corpus = resolve("books", tmp_path, registered=own, latest_spans=1)
    assert [file.source for file in corpus.files] == ["books/2/a.txt"]


def test_a_missing_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        resolve("books", tmp_path, registered=registered(tmp_path / "nowhere"))


def test_an_unknown_name_is_told_the_registered_ones_too(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"did you mean books\?.*books, scene"):
        resolve("bocks", tmp_path, registered=registered(tmp_path))
