"""How GPT-2's files write bytes: each as one visible character, and in which order."""

from functools import cache

VISIBLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]


@cache
def alphabet() -> dict[int, str]:
    """The character of each byte, in the order of GPT-2's ids.

    Visible Latin-1 characters stand for themselves and come first; the others are U+0100 and up, so
    a space is written Ġ. Source: the GPT-2 release, https://github.com/openai/gpt-2 (encoder.py).
    """
    hidden = [value for value in range(256) if value not in set(VISIBLE)]
    written = {value: chr(value) for value in VISIBLE}
    return written | {value: chr(256 + index) for index, value in enumerate(hidden)}


@cache
def _bytes() -> dict[str, int]:
    return {character: value for value, character in alphabet().items()}


def spell(token: bytes) -> str:
    """A token as GPT-2's files write it.

    >>> spell(b" the"), read(spell("é".encode())).decode()
    ('Ġthe', 'é')
    """
    return "".join(alphabet()[value] for value in token)


def read(written: str) -> bytes:
    """The token that `spell` wrote. Raises KeyError for a character that is none of those."""
    return bytes(_bytes()[character] for character in written)
