r"""GPT-2's split pattern: merges never cross the borders of these pieces.

    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+

The classes are spelled out as ranges of code points (``codepoints.txt``) because regular expression
engines disagree about them: Python's ``re`` and RE2, which TensorFlow uses, then split alike.
Source: the GPT-2 release, https://github.com/openai/gpt-2 (encoder.py).
"""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

CODE_POINTS = Path(__file__).parent / "codepoints.txt"
SURROGATES = (0xD800, 0xDFFF)
LAST_CODE_POINT = 0x10FFFF
LAST_ASCII = 0x7F
Ranges = tuple[tuple[int, int], ...]
GPT2_PATTERN = (  # as tiktoken and Hugging Face's tokenizers spell it
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
)
# The same in the order of what is frequent; only P, which holds the apostrophe, must come after it.
PYTHON = r" ?[{L}]+|'(?:[sdmt]|ll|ve|re)| ?[{N}]+| ?[{P}]+|[{S}]+(?![^{S}])|[{S}]+"


@cache
def code_points() -> dict[str, Ranges]:
    """Inclusive ranges of the classes: `S` space, `L` letter, `N` number, `P` everything else."""
    classes: dict[str, Ranges] = {}
    text = CODE_POINTS.read_text(encoding="ascii")
    for line in text.splitlines():
        if not line.startswith("#"):
            name, *ranges = line.split()
            classes[name] = tuple(_range(word) for word in ranges)
    known = [pair for ranges in classes.values() for pair in ranges]
    classes["P"] = _complement([*known, SURROGATES])
    return classes


def _range(word: str) -> tuple[int, int]:
    first, _, last = word.partition("-")
    return int(first, 16), int(last or first, 16)


def _complement(ranges: list[tuple[int, int]]) -> Ranges:
    gaps, position = [], 0
    for first, last in sorted(ranges):
        if first > position:
            gaps.append((position, first - 1))
        position = max(position, last + 1)
    if position <= LAST_CODE_POINT:
        gaps.append((position, LAST_CODE_POINT))
    return tuple(gaps)


@cache
def python_pattern() -> re.Pattern[str]:
    """The split pattern for Python's `re`, over text."""
    classes = {name: _python_class(pairs) for name, pairs in code_points().items()}
    return re.compile(PYTHON.format(**classes))


@cache
def ascii_pattern() -> re.Pattern[bytes]:
    """The same over bytes that are ASCII: five times as fast, as its classes are short."""
    classes = {
        name: _python_class([pair for pair in pairs if pair[0] <= LAST_ASCII])
        for name, pairs in code_points().items()
    }
    return re.compile(PYTHON.format(**classes).encode("ascii"))


def _python_class(pairs: Iterable[tuple[int, int]]) -> str:
    return "".join(f"{_python_escape(first)}-{_python_escape(last)}" for first, last in pairs)


def _python_escape(code: int) -> str:
    return f"\\x{code:02x}" if code <= 0xFF else f"\\U{code:08x}"


@cache
def re2_patterns() -> tuple[str, str]:
    """(look-ahead, pieces) for RE2, which has no look-ahead.

    The first finds the last two spaces of a run before a non-space, so that the caller can put a
    separator between the two, which stands for `\\s+(?!\\S)`; the second finds the pieces.
    """
    space, letter, number, other = (re2_class(code_points()[name]) for name in "SLNP")
    ahead = f"([{space}])([{space}][^{space}])"
    pieces = f" ?[{letter}]+|'(?:[sdmt]|ll|ve|re)| ?[{number}]+| ?[{other}]+|[{space}]+"
    return ahead, pieces


def re2_class(ranges: Ranges) -> str:
    """What stands between the brackets of a character class of RE2."""
    return "".join(f"\\x{{{first:x}}}-\\x{{{last:x}}}" for first, last in ranges)


def split(data: bytes) -> list[bytes]:
    """The pieces of `data`; invalid UTF-8 counts as U+FFFD. Joined they are the (valid) text.

    >>> split(b"They'd  run 12 miles")
    [b'They', b"'d", b' ', b' run', b' 12', b' miles']
    """
    if data.isascii():
        return ascii_pattern().findall(data)
    text = data.decode("utf-8", "replace")
    return [piece.encode() for piece in python_pattern().findall(text)]


def characters(data: bytes) -> list[bytes]:
    """The characters of `data`, each as UTF-8; invalid UTF-8 counts as U+FFFD."""
    return [character.encode() for character in data.decode("utf-8", "replace")]
