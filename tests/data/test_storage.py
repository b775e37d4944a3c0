"""Texts are opened and listed alike, on this machine and behind a URI (``mem://``: see
``conftest.py``), plain and compressed."""

import gzip
import os
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

from gptfx.data import storage
from gptfx.data.errors import InputError
from gptfx.data.storage import (
    copy,
    identity,
    is_file,
    is_folder,
    list_files,
    open_text,
    stored_bytes,
    text_bytes,
)

TEXT = b"To be, or not to be:\n" * 9
PACKED = {"plain": TEXT, "gzip": gzip.compress(TEXT), "zstd": zstd.compress(TEXT)}
PACKED["gzip members"] = gzip.compress(TEXT[:50]) + gzip.compress(TEXT[50:])
PACKED["zstd frames"] = zstd.compress(TEXT[:50]) + zstd.compress(TEXT[50:])


def place(where: str, name: str, content: bytes, folder: Path, memory: Any) -> str:
    """The path or URI of a file with that content."""
    if where == "mem":
        memory.files[f"mem://b/{name}"] = content
        return f"mem://b/{name}"
    (folder / name).write_bytes(content)
    return str(folder / name)


@pytest.fixture(params=["local", "mem"])
def put(request: pytest.FixtureRequest, tmp_path: Path, memory: Any) -> Any:
    """``put(name, content)`` gives the path of a local file and the URI of a remote one."""
    return lambda name, content: place(request.param, name, content, tmp_path, memory)


@pytest.mark.parametrize("form", PACKED)
def test_a_text_is_read_whatever_its_form_and_name(put: Any, form: str) -> None:
    path = put("a.txt", PACKED[form])
    with open_text(path) as stream:
        assert stream.read() == TEXT
    assert text_bytes(path) == len(TEXT)


@pytest.mark.parametrize("form", PACKED)
def test_a_text_is_read_from_the_middle_and_from_its_end(put: Any, form: str) -> None:
    with open_text(put("a.gz", PACKED[form])) as stream:
        assert stream.seek(-4, os.SEEK_END) == len(TEXT) - 4
        assert stream.read(9) == b"be:\n"
        assert stream.seek(45) == 45
        assert stream.read(10) == TEXT[45:55]
        assert stream.tell() == 55


@pytest.mark.parametrize("form", ["gzip", "zstd", "gzip members", "zstd frames"])
def test_a_compressed_text_that_was_cut_off_is_refused_by_name(put: Any, form: str) -> None:
    with pytest.raises(InputError, match=r"damaged or cut off.*a\.txt"):
        text_bytes(put("a.txt", PACKED[form][:-3]))


@pytest.mark.parametrize(
    "content",
    [
        PACKED["gzip"][:-8] + b"\0" * 8,  # a wrong checksum
        PACKED["gzip"][:20] + b"\xff" * 9 + PACKED["gzip"][29:],
        PACKED["gzip"] + b"not gzip",
        b"\x28\xb5\x2f\xfd" + b"\xff" * 20,
    ],
    ids=["checksum", "middle", "end", "all"],
)
def test_a_damaged_text_is_refused_by_name(put: Any, content: bytes) -> None:
    with pytest.raises(InputError, match=r"damaged or cut off.*a\.txt"):
        text_bytes(put("a.txt", content))


@pytest.mark.parametrize("uri", ["mem://b/gone.txt", "/no/such/gone.txt"])
def test_a_file_that_is_not_there_is_named(memory: Any, uri: str) -> None:
    with pytest.raises(InputError, match=r"gone\.txt"), open_text(uri):
        pass


def test_hidden_files_and_links_to_folders_are_not_listed(tmp_path: Path) -> None:
    for name in ("texts/b", "texts/a/c", "texts/.git/d", "texts/.e", "elsewhere/f"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"words")
    (tmp_path / "texts/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "texts/z").symlink_to(tmp_path / "elsewhere/f")
    (tmp_path / "texts/broken").symlink_to(tmp_path / "gone")
    found = list_files(str(tmp_path / "texts"))
    assert [(file.relative, file.bytes) for file in found] == [("a/c", 5), ("b", 5), ("z", 5)]


def test_of_a_bucket_what_is_hidden_stands_for_a_folder_or_lies_beside_is_not_listed(
    memory: Any,
) -> None:
    for name in ("b", "a/c", ".git/d", "a/.e", "", "a/"):
        memory.files[f"mem://b/texts/{name}"] = b"words"
    memory.files["mem://b/texts2/f"] = b"words"
    for folder in ("mem://b/texts", "mem://b/texts/"):
        found = list_files(folder)
        assert [(file.relative, file.bytes) for file in found] == [("a/c", 5), ("b", 5)]
        assert found[0].path == "mem://b/texts/a/c"


@pytest.mark.parametrize("folder", ["mem://b/t[1]", "mem://b/t*", "mem://b/t?"])
def test_what_beam_takes_for_a_pattern_is_a_name_here(memory: Any, folder: str) -> None:
    memory.files |= {"mem://b/t1/a": b"", f"{folder}/b": b"words", "mem://b/tx/a": b""}
    assert [file.path for file in list_files(folder)] == [f"{folder}/b"]
    assert is_folder(folder)
    assert is_file(f"{folder}/b")
    assert not is_file(f"{folder}/a")


def test_a_folder_of_a_bucket_is_what_something_lies_below(memory: Any) -> None:
    memory.files["mem://b/texts/a"] = b"words"
    assert is_folder("mem://b/texts")
    assert is_folder("mem://b")
    assert not is_folder("mem://b/text")
    assert not is_folder("mem://b/texts/a")
    assert [is_file(f"mem://b/texts{end}") for end in ("/a", "", "/", "/b")] == [True] + [False] * 3


def test_the_size_of_a_file_is_that_of_what_is_stored(put: Any) -> None:
    path = put("a.gz", PACKED["gzip"])
    assert stored_bytes(path) == len(PACKED["gzip"])
    with pytest.raises((InputError, FileNotFoundError), match=r"gone\.gz"):
        stored_bytes(path.replace("a.gz", "gone.gz"))


def test_the_content_is_what_a_file_is_known_by(put: Any, tmp_path: Path) -> None:
    path = put("a.txt", TEXT)
    known = identity(path)
    if Path(path).exists():
        os.utime(path, (0, 0))
    assert identity(path) == known
    assert identity(put("a.txt", TEXT[:-1] + b".")) != known


def test_behind_a_uri_the_checksum_there_is_taken_and_else_the_content(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.files["mem://b/a"] = b"words"
    assert identity("mem://b/a") == "checksum:717d1e8c"
    monkeypatch.setattr(memory, "checksum", lambda *_: None)
    assert identity("mem://b/a").startswith("sha256:dba36bff")


def test_a_file_is_copied_as_it_is_stored_from_anywhere_to_anywhere(
    memory: Any, tmp_path: Path
) -> None:
    here, there, back = str(tmp_path / "a.gz"), "mem://b/deep/a.gz", str(tmp_path / "x/y/a.gz")
    Path(here).write_bytes(PACKED["gzip"])
    copy(here, there)
    assert memory.files == {there: PACKED["gzip"]}
    copy(there, back)
    copy(here, str(tmp_path / "x/c.gz"))
    assert {Path(path).read_bytes() for path in (back, tmp_path / "x/c.gz")} == {PACKED["gzip"]}
    assert sorted(os.listdir(tmp_path / "x")) == ["c.gz", "y"]


def test_of_a_copy_that_fails_midway_nothing_passes_for_the_whole(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Breaking:
        blocks = [b"half"]

        def read(self, _: int) -> bytes:
            return self.blocks.pop()

        def close(self) -> None:
            pass

    monkeypatch.setattr(storage, "open_stored", lambda _: Breaking())
    with pytest.raises(IndexError):
        copy("a", str(tmp_path / "a.txt"))
    Breaking.blocks = [b"half"]
    with pytest.raises(InputError, match="IndexError"):
        copy("a", "mem://b/a.txt")
    assert not memory.files
    assert not (tmp_path / "a.txt").exists()
