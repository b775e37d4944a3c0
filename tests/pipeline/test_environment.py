"""Set-up: the line is chosen by the host, and what stands in the way is one line."""

from pathlib import Path

import pytest

from gptfx.pipeline import environment, lines


@pytest.mark.parametrize(
    ("glibc", "line", "pythons"),
    [
        ((2, 31), "A", {"3.10"}),
        ((2, 36), "A", {"3.10"}),
        ((2, 38), "A", {"3.10"}),
        ((2, 39), "B", {"3.11", "3.12", "3.13"}),
        ((2, 41), "B", {"3.11", "3.12", "3.13"}),
    ],
)
def test_the_host_chooses_the_line_and_the_reason_names_its_glibc(
    glibc: tuple[int, int], line: str, pythons: set[str]
) -> None:
    chosen, reason = environment.choose_line(glibc)
    assert chosen.name == line
    assert set(chosen.pythons) == pythons
    assert f"{glibc[0]}.{glibc[1]}" in reason


def test_a_host_without_glibc_is_told_so() -> None:
    with pytest.raises(environment.SetupError, match="no glibc"):
        environment.choose_line((0, 0))


def test_a_missing_python_is_one_line_that_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    no_uv = tmp_path / "uv"
    no_uv.write_text("#!/bin/sh\nexit 1\n")
    no_uv.chmod(0o755)
    with pytest.raises(environment.SetupError) as refusal:
        environment.find_python(str(no_uv), lines.LINE_A)
    assert "3.10" in str(refusal.value)
    assert "pyenv install 3.10" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_shim_that_does_not_start_is_passed_over(tmp_path: Path) -> None:
    shim = tmp_path / "python3.10"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    assert not environment.runs(str(shim), "3.10")


@pytest.mark.parametrize("lock", sorted(lines.LOCKS.glob("*.txt")), ids=lambda path: path.stem)
def test_locks_name_exact_versions_and_no_index(lock: Path) -> None:
    for line in lock.read_text().splitlines():
        assert "==" in line
        assert "://" not in line
        assert not line.startswith("-")


@pytest.mark.parametrize(("line", "tfx"), [("a", "1.16.0"), ("b", "1.21.0")])
def test_each_line_has_its_lock(line: str, tfx: str) -> None:
    assert f"tfx=={tfx}" in (lines.LOCKS / f"line-{line}.txt").read_text().splitlines()
