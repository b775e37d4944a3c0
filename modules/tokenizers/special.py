"""Special tokens: names that stand for an id, where the caller allows it."""

import re
from collections.abc import Collection, Sequence

SEPARATOR = "<|endoftext|>"  # stands between documents, and in front of a prompt


def number_special(names: Sequence[str], first: int) -> tuple[tuple[str, int], ...]:
    """``<|endoftext|>`` and `names` with their ids, from `first` on."""
    return tuple((name, first + index) for index, name in enumerate([SEPARATOR, *names]))


def special_pattern(names: Collection[str]) -> re.Pattern[str]:
    """Finds the names in a text, in a group; of names that begin alike the longest.

    >>> special_pattern(["<a>", "<ab>"]).split("x<ab>y")
    ['x', '<ab>', 'y']
    """
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    return re.compile(f"({'|'.join(map(re.escape, longest_first))})")
