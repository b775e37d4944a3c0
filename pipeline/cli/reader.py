"""Output whose reader has enough of it, as `| head` has: a command ends without a word.

Python ignores SIGPIPE, so that a connection which breaks is an error that can be said; this tells
the two apart.
"""

import os
import select
import signal
from collections.abc import Callable
from functools import wraps

STANDARD_OUTPUT, STANDARD_ERROR = 1, 2
NO_READER = 128 + signal.SIGPIPE  # what a shell says of a command that SIGPIPE ended


def has_gone() -> bool:
    """Whether nobody reads standard output, or standard error, any more."""
    poll = select.poll()
    for stream in (STANDARD_OUTPUT, STANDARD_ERROR):
        poll.register(stream, 0)  # errors are told of anyway
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def ends_with_its_reader(main: Callable[[], int]) -> Callable[[], int]:
    """`main`, whose exit code is NO_READER, and whose last words are none, if its reader goes."""

    @wraps(main)
    def run() -> int:
        code = 0
        try:
            code = main()
            print(
                end="", flush=True
            )  # what is written here is noticed here, and not at Python's end
        except BrokenPipeError:
            if not has_gone():
                raise
            code = code or NO_READER
        if has_gone():
            _silence()
        return code

    return run


def _silence() -> None:
    """What is left to be written goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (STANDARD_OUTPUT, STANDARD_ERROR):
        os.dup2(nowhere, stream)
    os.close(nowhere)
