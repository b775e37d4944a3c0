"""Unicode normalization as of Unicode 12.1, the same in Python and in a graph, on every machine.

Python and tensorflow-text (its ICU) each know one version of Unicode, which differs from release to
release: 12.1 is the oldest that is in use here. Normal forms of characters do not change once they
are assigned. The characters that came to play a part in normalization later are therefore left
alone, and nothing is composed or reordered across them; so a model reads a text alike where it was
trained and wherever it is served.
Source: Unicode Standard Annex #15, https://www.unicode.org/reports/tr15/.
"""

import re
import unicodedata
from functools import cache
from typing import Literal

Normalization = Literal["none", "NFC", "NFKC"]

# Assigned after Unicode 12.1, up to 18.0, and combining, decomposing, or part of a decomposition.
NEWER = (
    "0558 058b-058c 05c8-05c9 0897-089f 08ca-08d2 0c3c 1715 1abf-1af0 1dfa 209d-209f a7f1-a7f4 "
    "a82c ab69 105c9 105d2 105da 105e4 10781-10785 10787-107b0 107b2-107bf 10d69-10d6d 10eab-10eac "
    "10ecb-10ecf 10ef0-10efb 10efd-10eff 10f82-10f85 11070 11382-11385 1138b 1138e 11390-11391 "
    "113b8 113bb 113c2 113c5 113c7-113c9 113ce-113d0 11930 11935 11938 1193d-1193e 11943 "
    "11f41-11f42 1611e-16129 1612f 16d63 16d67-16d6a 16ff0-16ff1 1b123-1b126 1ccd6-1ccf9 "
    "1d127-1d128 1d250-1d252 1d25b-1d25c 1d25f 1d280-1d281 1d6a6 1df04-1df06 1df08-1df0b 1df19 "
    "1df1c 1df1e 1df2b-1df2c 1df3e-1df3f 1df50 1df57-1df59 1df95 1dfcd-1dfff 1e030-1e06d 1e08f "
    "1e2ae 1e4ec-1e4ef 1e5ee-1e5ef 1e6e3 1e6e6 1e6ee-1e6ef 1e6f5 1fbf0-1fbf9"
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
def newer_ranges() -> tuple[tuple[int, int], ...]:
    """Inclusive ranges of the characters that are left alone."""
    ends = (each.partition("-") for each in NEWER.split())
    return tuple((int(first, 16), int(last or first, 16)) for first, _, last in ends)


@cache
def _newer() -> re.Pattern[str]:
    ranges = (f"\\U{first:08x}-\\U{last:08x}" for first, last in newer_ranges())
    return re.compile(f"([{''.join(ranges)}]+)")
