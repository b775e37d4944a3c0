"""A fingerprint of our own source, so that a changed line of code is never served from the cache.

TFX's cache knows the dotted path of the code a node runs, not what stands in it.
"""

import hashlib
from pathlib import Path

ROOMS = Path(__file__).parent.parent
SUFFIXES = (".py", ".txt", ".pbtxt", ".j2")


def code_fingerprint(*places: str) -> str:
    """Hash of the source files in `places`, folders of the package (``modules/models``).

    The files that all nodes share (``components/examples.py``) always count.
    """
    files = sorted((ROOMS / "components").glob("*.py"))
    for place in places:
        files += sorted((ROOMS / place).rglob("*"))
    digest = hashlib.sha256()
    for path in files:
        if path.suffix in SUFFIXES and path.is_file():
            digest.update(path.relative_to(ROOMS).as_posix().encode() + b"\0")
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
