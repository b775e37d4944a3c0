"""Keeps the screen ours: what the libraries say goes to a log file, whatever way they say it."""

import atexit
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

STDOUT, STDERR = 1, 2  # file descriptors


@contextmanager
def quiet(log_file: Path) -> Iterator[tuple[TextIO, TextIO]]:
    """Sends standard output and standard error, also of C++ code, to `log_file`.

    Yields the real standard output and standard error, for ourselves.
    """
    log_file.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(STDOUT), os.dup(STDERR)
    try:
        with log_file.open("a", encoding="utf-8") as log:
            os.dup2(log.fileno(), STDOUT)
            os.dup2(log.fileno(), STDERR)
            # TensorFlow complains once more while the interpreter is taken down.
            atexit.register(os.dup2, os.dup(log.fileno()), STDERR)
        with _stream(saved[0]) as out, _stream(saved[1]) as err, _log_everything():
            yield out, err
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(saved[0], STDOUT)
        os.dup2(saved[1], STDERR)
        os.close(saved[0])
        os.close(saved[1])


def _stream(descriptor: int) -> TextIO:
    return os.fdopen(descriptor, "w", encoding="utf-8", closefd=False)


@contextmanager
def _log_everything() -> Iterator[None]:
    """Python's log records and warnings at level INFO, with time and origin."""
    handler = logging.StreamHandler()  # standard error, which is the log file now
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        try:
            yield
        finally:
            logging.captureWarnings(False)
            root.handlers[:] = handlers
            root.setLevel(level)
