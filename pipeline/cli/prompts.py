"""Prompts of the command line: an argument, or a line each of a file or of standard input."""

import codecs
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from gptfx.data.errors import InputError

STDIN = "-"


def read_prompts(prompt: str | None, file: str | None) -> Iterator[str]:
    """The prompt that was given as an argument, or those of a file or of standard input; bytes that
    are no UTF-8 become U+FFFD, as the model would read them.

    Raises InputError for none, for both, and for what is no text.
    """
    if prompt is not None:
        if file is not None:
            remedy = "leave one of them out"
            raise InputError("a prompt and --file were given", f"{prompt!r}, {file}", remedy)
        return iter([os.fsencode(prompt).decode("utf-8", "replace")])
    if file is None and (sys.stdin is None or sys.stdin.isatty()):
        raise InputError("no prompt was given", "nothing", "give one, or --file FILE")
    if file is None or file == STDIN:
        if sys.stdin is None:
            remedy = "give a prompt, or --file FILE"
            raise InputError("standard input is closed", place_of(file), remedy)
        return _lines(sys.stdin.buffer, place_of(file))
    try:
        return _lines(Path(file).open("rb"), place_of(file))
    except OSError as error:
        remedy = "name a file with a prompt a line"
        raise InputError(f"the prompts cannot be read ({error.strerror})", file, remedy) from None


def place_of(file: str | None) -> str:
    """Where prompts come from, as a person reads it."""
    return "standard input" if file is None or file == STDIN else file


def _lines(stream: Iterable[bytes], name: str) -> Iterator[str]:
    """A prompt a line, the first without the mark of UTF-8.

    Raises InputError once it comes to a line that is no text.
    """
    count = 0
    for line in stream:
        count += 1
        if b"\0" in line:
            received, remedy = f"{name}, line {count}: a NUL byte", "give a prompt a line, in UTF-8"
            raise InputError("the prompts are binary data", received, remedy)
        mark = codecs.BOM_UTF8 if count == 1 else b""
        yield line.removeprefix(mark).rstrip(b"\r\n").decode("utf-8", "replace")
    if not count:
        raise InputError("there are no prompts", name, "give a prompt a line")
