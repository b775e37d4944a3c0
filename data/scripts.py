"""The script that each character belongs to, by Unicode's Scripts table."""

from collections import Counter
from functools import cache

import numpy as np


def count_scripts(each: np.ndarray) -> Counter[str]:
    """How often characters of each script occur, by the script's English name.

    ``each`` (n,) says how often the code point that is its index occurs. ``Common`` is what all
    scripts share (digits, punctuation), ``Inherited`` what takes the script of its neighbour
    (accents), ``Unknown`` what is not assigned.
    """
    scripts: Counter[str] = Counter()
    for code_point in np.flatnonzero(each):
        scripts[script_of(int(code_point))] += int(each[code_point])
    return scripts


@cache
def script_of(code_point: int) -> str:
    """
    >>> script_of(ord("a")), script_of(ord("ж")), script_of(ord("7"))
    ('Latin', 'Cyrillic', 'Common')
    """
    from fontTools import unicodedata  # 0.1 s, and few commands need it

    name: str = unicodedata.script_name(unicodedata.script(chr(code_point)))
    return name.replace("_", " ")
