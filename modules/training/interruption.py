"""Ctrl-C and SIGTERM while a model is fitted: they wait until a checkpoint can be written.

Python raises KeyboardInterrupt wherever it happens to be, which may be a destructor, where it is
dropped. So a signal only leaves word here, and the loop looks between two stretches of steps.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether someone asked the training to stop, and how."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def note(self, number: int, _frame: FrameType | None = None) -> None:
        """The handler of a signal. The second of a kind does not wait: it raises at once."""
        if self.signal == number:
            self.raise_()
        self.signal = number

    def raise_(self) -> None:
        """Raises KeyboardInterrupt for Ctrl-C; SystemExit with a shell's code for SIGTERM."""
        assert self.signal is not None
        if self.signal == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + self.signal)


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """SIGTERM raises SystemExit, as Ctrl-C raises KeyboardInterrupt; without it nobody hears of the
    end. Does nothing outside the main thread."""
    with _handled(_end, signal.SIGTERM):
        yield


def _end(number: int, _frame: FrameType | None = None) -> None:
    raise SystemExit(128 + number)


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Listens for a while; hears nothing outside the main thread, where Python has no signals."""
    heard = Interruption()
    with _handled(heard.note, signal.SIGINT, signal.SIGTERM):
        yield heard


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None], *numbers: int) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [signal.signal(number, handler) for number in numbers]
    try:
        yield
    finally:
        for number, earlier in zip(numbers, before, strict=True):
            signal.signal(number, earlier)
