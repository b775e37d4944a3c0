"""An archive from outside gives the catalogued files or nothing."""

import tarfile
from pathlib import Path
from typing import Any

import pytest

from gptfx.data.errors import InputError
from gptfx.data.fetch import fetch

FOLDER = "tiny-1.0/texts/"
ACT1 = FOLDER + "act1.txt"
GOOD = {ACT1: b"Words, words,\n", FOLDER + "act2.txt": b"words.\n"}


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def test_members_that_climb_out_or_link_out_are_passed_over(make_tiny: Any, tmp_path: Path) -> None:
    outside = {
        "../evil.txt": b"evil",
        f"{tmp_path}/evil.txt": b"evil",
        FOLDER + "../../../evil.txt": b"evil",
        "link": link(FOLDER + "out", "/tmp"),
    }
    tiny = make_tiny(outside | GOOD)
    folder = fetch("tiny", tmp_path / "home", archive=tiny.archive)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == tiny.texts
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize(
    "member",
    [
        link(ACT1, "/etc/passwd"),
        link(ACT1, "/etc/passwd", tarfile.LNKTYPE),
        bytes(1000),
        b"Other, words,\n",
    ],
    ids=["symbolic link", "hard link", "larger than stated", "other content"],
)
def test_a_member_that_is_not_the_catalogued_file_is_refused(
    make_tiny: Any, tmp_path: Path, member: bytes | tarfile.TarInfo
) -> None:
    tiny = make_tiny(GOOD | {ACT1: member})
    with pytest.raises(InputError, match="does not hold the corpus as catalogued"):
        fetch("tiny", tmp_path / "home", archive=tiny.archive)
    assert [path.name for path in (tmp_path / "home/corpora").iterdir()] == [".tiny.lock"]


def test_an_archive_that_lacks_a_file_is_refused(make_tiny: Any, tmp_path: Path) -> None:
    tiny = make_tiny({ACT1: GOOD[ACT1]})
    with pytest.raises(InputError, match="1 of its files"):
        fetch("tiny", tmp_path / "home", archive=tiny.archive)


@pytest.mark.parametrize("size", [0, 10, 100], ids=lambda size: f"{size} bytes of it")
def test_an_archive_cut_off_is_refused(
    make_tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    tiny = make_tiny(GOOD)
    tiny.archive.write_bytes(tiny.archive.read_bytes()[:size])
    monkeypatch.setattr("gptfx.data.fetch.check_sha256", lambda *_: None)
    with pytest.raises(InputError, match="does not hold the corpus"):
        fetch("tiny", tmp_path / "home", archive=tiny.archive)
