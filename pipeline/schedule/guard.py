"""Stands between a scheduler and its run, so that no run goes on without a scheduler.

Started by its path, as ``python -I guard.py SCHEDULER GRACE COMMAND``; needs the standard library
alone. The kernel tells it with SIGTERM that the scheduler is gone, however that ended. It then does
what it does when the scheduler tells it so: SIGTERM to the run, which may write a checkpoint, and
after GRACE seconds SIGKILL to the run and all that it started. It ends when they have ended, and
holds the lock of scheduled runs until then.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

PR_SET_PDEATHSIG = 1  # of linux/prctl.h
TICK_SECONDS = 0.1
NOT_STARTED = 127  # as a shell says it


def end_with(parent: int, number: int) -> None:
    """Asks for a signal when the parent ends; ends at once where it has ended before."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(NOT_STARTED)


def start(command: list[str]) -> subprocess.Popen:
    """The run, at the head of a process group; killed if this guard is."""
    guard = os.getpid()
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: end_with(guard, signal.SIGKILL),  # there is no thread but this one
    )


def attend(run: subprocess.Popen, grace: float, asked: list[float]) -> int:
    """Waits for the run, and ends it when asked to; its exit code, as a shell has it."""
    told = False
    while run.poll() is None:
        time.sleep(TICK_SECONDS)
        if asked and not told:
            run.terminate()
            told = True
        if asked and time.monotonic() > asked[0] + grace:
            _kill_all(run)
    _kill_all(run)
    return run.returncode if run.returncode >= 0 else 128 - run.returncode


def _kill_all(run: subprocess.Popen) -> None:
    with suppress(ProcessLookupError):  # nobody is left
        os.killpg(run.pid, signal.SIGKILL)


def main() -> int:
    """The exit code of the run, or 128 and its signal."""
    scheduler, grace, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    asked: list[float] = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(time.monotonic()))
    end_with(scheduler, signal.SIGTERM)
    try:
        run = start(command)
    except OSError as error:
        print(f"gptfx: {command[0]} cannot be started: {error.strerror}", file=sys.stderr)
        return NOT_STARTED
    return attend(run, grace, asked)


if __name__ == "__main__":
    sys.exit(main())
