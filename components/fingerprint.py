"""A fingerprint of our own source, so that a changed line of code is never served from the cache.

TFX's cache knows the dotted path of the code a node runs, not what stands in it.
"""

import hashlib
from pathlib import Path

ROOMS = Path(__file__).parent.parent


def code_fingerprint(*places: str) -> str:
    """Hash of the .py and .txt files in `places`, folders of the package (``modules/models``)."""
    digest = hashlib.sha256()
    for place in places:
        for path in sorted((ROOMS / place).rglob("*")):
            if path.suffix in (".py", ".txt") and path.is_file():
                digest.update(path.relative_to(ROOMS).as_posix().encode() + b"\0")
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
