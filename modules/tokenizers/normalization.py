"""Unicode normalization in Python, character for character as tensorflow-text does it in a graph.

tensorflow-text knows Unicode 12.1 (its ICU), Python a newer one, which differs from release to
release. The characters that came to play a part in normalization since then are therefore left
alone, and nothing is composed or reordered across them.
Source: Unicode Standard Annex #15, https://www.unicode.org/reports/tr15/.
"""

import re
import unicodedata
from functools import cache
from typing import Literal

Normalization = Literal["none", "NFC", "NFKC"]

# Assigned after Unicode 12.1, up to 15.1, and combining, decomposing, or second in a composition.
NEWER = (
    "0898-089f 08ca-08d2 0c3c 1715 1abf-1ac0 1ac1-1ace 1dfa a7f2-a7f4 a82c ab69 "
    "10781-10785 10787-107b0 107b2-107ba 10eab-10eac 10efd-10eff 10f82-10f85 11070 "
    "11930 11938 1193d-1193e 11943 11f41-11f42 16ff0-16ff1 1e030-1e06d 1e08f 1e2ae 1e4ec-1e4ef "
    "1fbf0-1fbf9"
)


def normalize(text: str, form: Normalization) -> str:
    """`text` in a normal form; as it is for "none".

    >>> normalize("e\\u0301 \\ufb01", "NFC"), normalize("e\\u0301 \\ufb01", "NFKC")
    ('é ﬁ', 'é fi')
    """
    if form == "none" or text.isascii():
        return text
    parts = _newer().split(text)  # between what was matched, which stands at the odd places
    parts[::2] = [unicodedata.normalize(form, part) for part in parts[::2]]
    return "".join(parts)


@cache
def _newer() -> re.Pattern[str]:
    def escape(code: str) -> str:
        return f"\\U{code:>08}"

    ranges = ("-".join(map(escape, each.split("-"))) for each in NEWER.split())
    return re.compile(f"([{''.join(ranges)}]+)")
