"""Output whose reader has enough of it, as `| head` has: a command ends without a word.

Python ignores SIGPIPE, so that a connection which breaks is an error that can be told; this tells
the two apart.
"""

import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress

STANDARD_OUTPUT, STANDARD_ERROR = 1, 2
NO_READER = 128 + signal.SIGPIPE  # what a shell says of a command that SIGPIPE ended


class Reader:
    """Who reads what a command prints, wherever its streams are turned to meanwhile."""

    def __init__(self) -> None:
        self._held: list[int] = []
        for stream in (STANDARD_OUTPUT, STANDARD_ERROR):
            with suppress(OSError):  # it is closed
                self._held.append(os.dup(stream))

    def has_gone(self) -> bool:
        """Whether nobody reads standard output, or standard error, any more."""
        poll = select.poll()
        for stream in self._held:
            poll.register(stream, 0)  # errors are told of anyway
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))

    def close(self) -> None:
        """Lets go of the streams; if the reader has gone, what is left to be written is lost."""
        if self.has_gone():
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for stream in (STANDARD_OUTPUT, STANDARD_ERROR):
                os.dup2(nowhere, stream)
            os.close(nowhere)
        for stream in self._held:
            os.close(stream)


def run_for(reader: Reader, command: Callable[[], int]) -> int:
    """The command's exit code; NO_READER if it had none when its reader went."""
    code = 0
    try:
        code = command()
        print(end="", flush=True)  # here a reader that has gone is noticed, not at Python's end
    except BrokenPipeError:
        if not reader.has_gone():
            raise
        code = code or NO_READER
    finally:
        reader.close()
    return code
