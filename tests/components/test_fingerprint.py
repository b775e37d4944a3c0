"""A changed line of code gives another fingerprint; what Python makes of it does not."""

from pathlib import Path

import pytest

from gptfx.components import fingerprint
from gptfx.components.fingerprint import code_fingerprint

FILES = ("components/examples.py", "components/gate/executor.py", "modules/a/b.py", "data/c.py")


@pytest.fixture
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1\n")
    monkeypatch.setattr(fingerprint, "ROOMS", tmp_path)
    return tmp_path


def changes(rooms: Path, name: str) -> bool:
    """Whether the fingerprint of a node changes when this file appears or changes."""
    before = code_fingerprint("components/gate", "modules")
    (rooms / name).parent.mkdir(exist_ok=True)
    (rooms / name).write_text("2\n")
    return code_fingerprint("components/gate", "modules") != before


@pytest.mark.parametrize(
    "name",
    [
        "components/gate/executor.py",
        "components/gate/new.py",
        "modules/a/b.py",
        "modules/a/table.txt",
        "components/gate/schema.pbtxt",
        "components/gate/page.html.j2",
        "components/examples.py",
    ],
)
def test_the_node_s_own_files_its_modules_and_what_all_nodes_share_count(
    rooms: Path, name: str
) -> None:
    assert changes(rooms, name)


@pytest.mark.parametrize(
    "name", ["data/c.py", "modules/__pycache__/b.cpython-310.pyc", "modules/README.md"]
)
def test_other_rooms_and_what_is_not_source_do_not_count(rooms: Path, name: str) -> None:
    assert not changes(rooms, name)


def test_a_renamed_file_counts(rooms: Path) -> None:
    before = code_fingerprint("modules")
    (rooms / "modules/a/b.py").rename(rooms / "modules/a/c.py")
    assert code_fingerprint("modules") != before


def test_the_fingerprint_is_that_of_the_contents_wherever_they_lie(
    rooms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = code_fingerprint("components/gate", "modules")
    moved = rooms.rename(rooms.with_name("elsewhere"))
    monkeypatch.setattr(fingerprint, "ROOMS", moved)
    assert code_fingerprint("components/gate", "modules") == before


def test_the_installed_package_has_source_to_hash() -> None:
    places = ["components/trainer", "modules", "data", "modules/tokenizers"]
    assert len({code_fingerprint(place) for place in places}) == len(places)
