"""The cores and the memory that a process here may use, within the limits of its cgroups."""

import os
from collections.abc import Iterator
from pathlib import Path

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def cores(proc: Path = PROC, mount: Path = CGROUPS) -> float:
    """Cores that this process may run on; a fraction where a cgroup grants a share of time."""
    granted = [float(len(os.sched_getaffinity(0)))]
    for group in _groups("cpu", proc, mount):
        quota, period = (_read(group / "cpu.max").split() or ["max", "1"])[:2]
        if quota == "max":  # or the older cgroups
            quota = _read(group / "cpu.cfs_quota_us") or "-1"
            period = _read(group / "cpu.cfs_period_us") or "1"
        if int(quota) > 0:
            granted.append(int(quota) / int(period))
    return min(granted)


def memory(proc: Path = PROC, mount: Path = CGROUPS) -> tuple[int, int]:
    """Bytes in all, and bytes that a new process could take, swap included."""
    lines = (line.split() for line in _read(proc / "meminfo").splitlines())
    host = {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines}
    total, available = host["MemTotal"], host["MemAvailable"] + host.get("SwapFree", 0)
    for group in _groups("memory", proc, mount):
        limit = _read(group / "memory.max") or _read(group / "memory.limit_in_bytes")
        if limit.isdecimal():
            total = min(total, int(limit))
            available = min(available, int(limit) - _in_use(group))
    return total, max(available, 0)


def _in_use(group: Path) -> int:
    """Bytes that a cgroup holds, without the cached files it would give back."""
    usage = _read(group / "memory.current") or _read(group / "memory.usage_in_bytes") or "0"
    lines = (line.split() for line in _read(group / "memory.stat").splitlines())
    held = {words[0]: int(words[1]) for words in lines}
    return int(usage) - held.get("total_inactive_file", held.get("inactive_file", 0))


def _groups(controller: str, proc: Path, mount: Path) -> Iterator[Path]:
    """Folders of the cgroups of this process, of version 2 and 1, and of those around them."""
    for line in _read(proc / "self" / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            base = mount / (controllers and controller)
            folder = base / path.lstrip("/")
            yield from (group for group in (folder, *folder.parents) if group.is_relative_to(base))


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
