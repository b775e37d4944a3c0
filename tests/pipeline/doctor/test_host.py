"""Python, glibc, memory and the limits of containers; every pin."""

import os
from pathlib import Path
from typing import Any

import pytest

from gptfx.modules.limits import cores, memory
from gptfx.pipeline.doctor.host import GIB, examine_line, examine_memory
from gptfx.pipeline.doctor.packages import examine_packages
from gptfx.pipeline.lines import LINE_A, LINE_B, Line


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
    by_name: Any, python: tuple[int, int], glibc: tuple[int, int], states: dict[str, str]
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


def version_of(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def test_pins_are_compared_with_what_is_installed(by_name: Any, tmp_path: Path) -> None:
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
