"""The machine: Python, glibc, which line of TFX they make, cores, memory."""

from collections.abc import Iterator

from gptfx.modules import limits
from gptfx.pipeline import lines
from gptfx.pipeline.doctor.finding import Finding, failure, ok, warning

GIB = 1 << 30
# The peak resident set of whole runs on two cores: smoke 1.1 GiB, default 1.3 GiB.
NEEDED_BYTES, WANTED_BYTES = int(1.5 * GIB), 3 * GIB
MAKE_AGAIN = "make -B setup"  # -B: the stamps of a set-up that was good once do not know


def examine_line(version: tuple[int, int], glibc: tuple[int, int]) -> Iterator[Finding]:
    """Python, glibc, and the line; both versions as (major, minor), glibc (0, 0) for none."""
    here, host = lines.line_of_python(version), lines.line_for(glibc)
    spelled = f"Python {version[0]}.{version[1]}"
    if here:
        yield ok("python", f"{spelled}, of line {here.name}")
    else:
        pythons = [python for line in (lines.LINE_A, lines.LINE_B) for python in line.pythons]
        remedy = f"{MAKE_AGAIN}: it looks for the right one of Python {', '.join(sorted(pythons))}"
        yield failure("python", f"{spelled}, for which there is no TFX", remedy)
    if not host:
        yield failure("glibc", "none", "use a Linux with glibc (Debian, Ubuntu, ...), or its image")
        return
    yield ok("glibc", f"{glibc[0]}.{glibc[1]}, which line {host.name} is for")
    if here:
        yield _compare(here, host)


def _compare(here: lines.Line, host: lines.Line) -> Finding:
    what = f"{here.name}: TFX {here.tfx}"
    if here is host:
        return ok("line", what)
    if here is lines.LINE_A:
        remedy = f"nothing needs to be done; for TFX {host.tfx}: {MAKE_AGAIN}"
        return warning("line", f"{what}, though this glibc is new enough for {host.name}", remedy)
    problem = f"{what} needs glibc {lines.NEWER_GLIBC[0]}.{lines.NEWER_GLIBC[1]} or newer"
    return failure("line", problem, f"{MAKE_AGAIN}: it makes an environment of line {host.name}")


def examine_cores() -> Finding:
    """Any number will do."""
    return ok("cores", f"{limits.cores():g}")


def examine_memory(total: int, available: int) -> Finding:
    """`total` and `available` in bytes."""
    found = f"{available / GIB:.1f} GiB free of {total / GIB:.1f} GiB"
    close = "end other programs"
    if available < NEEDED_BYTES:
        needed = f"{found}; the smallest run needs {NEEDED_BYTES / GIB:.1f} GiB"
        remedy = f"{close}, add swap, or raise the container's limit"
        return failure("memory", needed, remedy)
    if available < WANTED_BYTES:
        enough = f"{found}: enough for the presets, not for much larger models"
        return warning("memory", enough, f"{close}, or keep to the presets' sizes")
    return ok("memory", found)
