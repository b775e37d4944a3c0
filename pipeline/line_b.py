"""Runs the tests and the preset `smoke` on line B, the current TFX, also where glibc is too old.

``make line-b``. On a host with glibc 2.39 or newer that is the checkout itself. Elsewhere a Debian
13 root is made by debootstrap, once, in build/line-b (or where GPTFX_LINE_B says), the checkout is
copied into it, and everything runs in there, with the host's certificates and package index
settings. DEBIAN_MIRROR names another mirror.

Exit codes: 0 all passed; 1 something failed; 3 it cannot be run on this host, and why.
Standard library only, like the set-up.
"""

import platform
import subprocess
import sys
import time

if __name__ == "__main__":  # run as a file: gptfx may be missing, or be another checkout's
    import debian_root
    import lines
    from debian_root import say
else:
    from gptfx.pipeline import debian_root, lines
    from gptfx.pipeline.debian_root import say

SMOKE_ROOT = "build/smoke-line-b"
FAILED, CANNOT = 1, 3


class FailedError(Exception):
    """Which step failed."""


def here(command):
    """Runs a shell command in the checkout itself; returns its exit code."""
    return subprocess.run(["/bin/sh", "-c", command], cwd=debian_root.REPOSITORY).returncode


def check(run, arguments):
    """The steps, by `run(command)`; raises FailedError with the first that fails."""
    smoke = f"rm -rf {SMOKE_ROOT} && .venv/bin/gptfx run --preset smoke --root {SMOKE_ROOT}"
    steps = {
        "set-up": "{ test -e .git || git init -q; } && make setup",  # a test asks git for files
        "versions": ".venv/bin/python pipeline/line_b.py --versions",
        "tests": f"make test ARGS='{arguments}'",
        "smoke": smoke,
    }
    seconds = {}
    for step, command in steps.items():
        say(f"{step}: {command.split(' && ')[-1]}")
        started = time.monotonic()
        if code := run(command):
            raise FailedError(f"{step} failed with exit code {code}")
        seconds[step] = time.monotonic() - started
    return seconds


def versions():
    """One line: what runs here."""
    from importlib.metadata import version

    named = ", ".join(f"{name} {version(name)}" for name in ("tfx", "tensorflow", "apache-beam"))
    glibc = ".".join(map(str, lines.glibc_version()))
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    return f"{named}, Python {platform.python_version()}, glibc {glibc}, {system}"


def main(arguments):
    """Returns the exit code."""
    if arguments == ["--versions"]:
        say(versions())
        return 0
    try:
        native = lines.line_for(lines.glibc_version()) is lines.LINE_B
        root = None if native else debian_root.prepared()
        run = here if root is None else lambda command: debian_root.inside(root, command)
        seconds = check(run, " ".join(arguments))
    except debian_root.CannotError as error:
        print(f"line-b: cannot be run here: {error}", file=sys.stderr)
        return CANNOT
    except FailedError as error:
        print(f"line-b: {error}", file=sys.stderr)
        return FAILED
    took = ", ".join(f"{step} {value:.0f} s" for step, value in seconds.items())
    say(f"passed: {took}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
