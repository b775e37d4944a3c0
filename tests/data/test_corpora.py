"""What ``--corpus NAME|PATH`` means."""

from pathlib import Path

import pytest

from gptfx.data.corpora import resolve
from gptfx.data.errors import InputError


def write(path: Path, text: str = "words\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_catalogue_name_gives_its_files(tmp_path: Path) -> None:
    corpus = resolve("scene", tmp_path)
    assert [file.source for file in corpus.files] == ["scene/scene.txt"]
    assert corpus.bytes == Path(corpus.files[0].path).stat().st_size


def test_a_file_is_a_corpus_named_after_its_stem(tmp_path: Path) -> None:
    path = write(tmp_path / "Moby Dick_2.txt")
    corpus = resolve(str(path), tmp_path)
    assert corpus.name == "moby-dick-2"
    assert [(file.source, file.path, file.bytes) for file in corpus.files] == [
        ("moby-dick-2/Moby Dick_2.txt", str(path), 6)
    ]


def test_a_name_without_latin_letters_still_gives_a_corpus_name(tmp_path: Path) -> None:
    assert resolve(str(write(tmp_path / "戦争と平和.txt")), tmp_path).name == "corpus"


def test_a_folder_gives_every_visible_file_at_any_depth_in_the_order_of_paths(
    tmp_path: Path,
) -> None:
    for name in ("b.txt", "a/z.md", "a/é.txt", ".hidden", ".git/config", "a-1.txt", "B"):
        write(tmp_path / "texts" / name)
    (tmp_path / "texts" / "empty folder").mkdir()
    sources = [file.source for file in resolve(str(tmp_path / "texts"), tmp_path).files]
    assert sources == ["texts/B", "texts/a-1.txt", "texts/a/z.md", "texts/a/é.txt", "texts/b.txt"]


def test_a_dot_is_the_working_folder_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "Plays/hamlet.txt")
    monkeypatch.chdir(tmp_path / "Plays")
    assert resolve(".", tmp_path).files[0].source == "plays/hamlet.txt"


def test_the_catalogue_wins_over_a_path_and_a_dot_makes_it_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "scene", "mine\n")
    monkeypatch.chdir(tmp_path)
    assert resolve("scene", tmp_path).files[0].source == "scene/scene.txt"
    assert resolve("./scene", tmp_path).files[0].source == "scene/scene"


def test_a_link_to_a_file_counts_and_a_link_to_a_folder_does_not(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere/a.txt")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/file.txt").symlink_to(tmp_path / "elsewhere/a.txt")
    (tmp_path / "texts/folder").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "texts/broken").symlink_to(tmp_path / "nowhere")
    sources = [file.source for file in resolve(str(tmp_path / "texts"), tmp_path).files]
    assert sources == ["texts/file.txt"]


@pytest.mark.parametrize("name", ["shakespear", "Shakespeare"])
def test_a_slip_of_the_pen_gets_the_name_that_was_meant(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="did you mean shakespeare"):
        resolve(name, tmp_path)


@pytest.mark.parametrize("name", ["", "no/such/path", "~nobody-of-that-name/x", "a\0b", "x" * 999])
def test_what_is_neither_name_nor_path_says_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="neither the name of a corpus nor an existing path"):
        resolve(name, tmp_path)


def test_a_folder_without_visible_files_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "texts/.hidden")
    with pytest.raises(InputError, match="holds no files"):
        resolve(str(tmp_path / "texts"), tmp_path)


def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "locked.txt")

    def refuse(*_: object, **__: object) -> None:  # root may read anything, so it is refused here
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(InputError, match=r"Permission denied.*locked\.txt"):
        resolve(str(path), tmp_path)


def test_a_file_name_that_is_not_unicode_is_refused(tmp_path: Path) -> None:
    name = b"caf\xe9.txt".decode("utf-8", "surrogateescape")
    try:
        write(tmp_path / "texts" / name)
    except (OSError, UnicodeError):
        pytest.skip("this file system takes Unicode names only")
    with pytest.raises(InputError, match="name is not UTF-8"):
        resolve(str(tmp_path / "texts"), tmp_path)
