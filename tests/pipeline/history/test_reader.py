"""A reader that has enough of a command's output, as `| head -1` has."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gptfx.pipeline.cli.main import main

COMMAND = str(Path(sys.executable).with_name("gptfx"))
CUT_OFF = 141  # what a shell says of a command that SIGPIPE ended


def cut(*words: str, stderr: int = subprocess.PIPE) -> tuple[int, str | None]:
    """The exit code and the complaints of a command whose reader is gone before it begins."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        done = subprocess.run([COMMAND, *words], stdout=gone, stderr=stderr, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("command", ["--help", "data list", "runs --help"])
def test_a_command_ends_without_a_word(command: str) -> None:
    assert cut(*command.split()) == (CUT_OFF, "")
    assert cut(*command.split(), stderr=subprocess.STDOUT) == (CUT_OFF, None)


@pytest.mark.parametrize("command", ["runs list", "runs list --json", "runs show", "lineage"])
def test_so_does_one_that_draws_tables(past: Any, command: str) -> None:
    assert cut(*command.split(), "--root", str(past.root)) == (CUT_OFF, "")


def test_an_error_keeps_its_code_and_its_line(tmp_path: Path) -> None:
    code, said = cut("runs", "list", "--root", str(tmp_path))
    assert code == 2
    assert "there is no metadata store" in str(said)


def test_standard_output_may_be_closed() -> None:
    command = [COMMAND, "data", "list"]
    shell = ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *command]
    done = subprocess.run(shell, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_another_pipe_that_breaks_is_a_failure_that_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def break_off(*_: object) -> None:
        raise BrokenPipeError(32, "the connection broke")

    monkeypatch.setattr("gptfx.pipeline.cli.runs.open_store", break_off)
    monkeypatch.setattr(sys, "argv", ["gptfx", "runs", "list"])
    # As typer leaves them; these are put back when the test ends.
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    assert main() == 1
    assert "the connection broke (--verbose shows where)" in capsys.readouterr().err
