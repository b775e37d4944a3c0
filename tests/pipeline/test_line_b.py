"""``make line-b``: what it copies, what it passes on, and what it says where it cannot run.

The real thing takes minutes and runs in CI.
"""

import subprocess
from pathlib import Path

import pytest

from gptfx.pipeline import debian_root, line_b, lines


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a committed, a new and an ignored file."""
    folder = tmp_path / "checkout"
    (folder / "room").mkdir(parents=True)
    for name, text in (("a.py", "a"), (".gitignore", "*.log"), ("room/b.py", "b"), ("c.log", "c")):
        (folder / name).write_text(text)
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    subprocess.run(["git", "add", "a.py", ".gitignore"], cwd=folder, check=True)
    monkeypatch.setattr(debian_root, "REPOSITORY", folder)
    return folder


def names(folder: Path) -> set[str]:
    files = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return set(files) - {"build/checkout.txt"}


def test_the_copy_holds_what_git_knows_or_would_add(checkout: Path, tmp_path: Path) -> None:
    assert debian_root.copy_checkout(tmp_path / "copy") == 3
    assert names(tmp_path / "copy") == {"a.py", ".gitignore", "room/b.py"}


def test_a_second_copy_writes_what_changed_removes_what_went_and_keeps_what_was_built(
    checkout: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    debian_root.copy_checkout(copy)
    before = (copy / "a.py").stat().st_mtime_ns
    (copy / ".venv").mkdir()
    (copy / ".venv/python").touch()
    (checkout / "room/b.py").rename(checkout / "room/d.py")
    assert debian_root.copy_checkout(copy) == 1
    assert names(copy) == {"a.py", ".gitignore", "room/d.py", ".venv/python"}
    assert (copy / "a.py").stat().st_mtime_ns == before


def test_a_folder_that_is_no_root_of_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").touch()
    with pytest.raises(debian_root.CannotError, match="no root that gptfx made"):
        debian_root.make_root(tmp_path)
    assert (tmp_path / "precious.txt").exists()


def test_the_root_sees_how_packages_are_reached_and_nothing_else() -> None:
    host = {"PIP_INDEX_URL": "x", "https_proxy": "y", "SSL_CERT_FILE": "z", "SECRET": "s",
            "PYTHONPATH": "p", "HOME": "/home/me", "PATH": "/opt"}  # fmt: skip
    inside = debian_root.environment_inside(host)
    assert (inside["PIP_INDEX_URL"], inside["https_proxy"]) == ("x", "y")
    assert not {"SECRET", "PYTHONPATH"} & set(inside)
    assert inside["HOME"] == "/root"
    assert "/opt" not in inside["PATH"]


@pytest.mark.parametrize(
    ("user", "found", "words"), [(1000, "/bin/x", "as root"), (0, None, "debootstrap is missing")]
)
def test_a_host_that_cannot_says_what_is_missing_and_exits_3(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    user: int,
    found: str | None,
    words: str,
) -> None:
    monkeypatch.setattr(lines, "glibc_version", lambda: (2, 36))
    monkeypatch.setattr(debian_root.os, "geteuid", lambda: user)
    monkeypatch.setattr(debian_root.shutil, "which", lambda _: found)
    assert line_b.main([]) == 3
    assert words in capsys.readouterr().err


def test_the_first_step_that_fails_ends_it_with_exit_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[str] = []

    def run(command: str) -> int:
        ran.append(command)
        return 2 if "make test" in command else 0

    monkeypatch.setattr(lines, "glibc_version", lambda: (2, 41))
    monkeypatch.setattr(line_b, "here", run)
    assert line_b.main(["-k", "scene"]) == 1
    assert "line-b: tests failed with exit code 2" in capsys.readouterr().err
    assert ran[-1] == "make test ARGS='-k scene'"


def test_where_all_steps_pass_their_times_are_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(lines, "glibc_version", lambda: (2, 41))
    monkeypatch.setattr(line_b, "here", lambda command: ran.append(command) or 0)
    assert line_b.main([]) == 0
    assert "smoke" in ran[-1]
    assert capsys.readouterr().out.splitlines()[-1].startswith("line-b: passed: set-up 0 s")


def test_the_versions_are_those_of_this_environment() -> None:
    said = line_b.versions()
    assert any(f"tfx {line.tfx}." in said for line in (lines.LINE_A, lines.LINE_B))
    assert "glibc" in said
