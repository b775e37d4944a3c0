"""What tells the contents of a corpus from others: a line a file, or one for all of them."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from gptfx.data.corpora import TextFile
from gptfx.data.storage import identity


class InputFile(NamedTuple):
    """A file as it was read: ``CORPUS/FILE``, bytes as stored, and what its content is known by."""

    source: str
    bytes: int
    identity: str


def read_identities(files: Iterable[TextFile]) -> list[InputFile]:
    """What the files hold, by source; reads every file of this machine."""
    listed = (InputFile(file.source, file.bytes, identity(file.path)) for file in files)
    return sorted(listed)


def fingerprint(files: Iterable[InputFile]) -> str:
    """Number of files, bytes, and a SHA-256 over names and contents; times do not count."""
    digest, count, size = hashlib.sha256(), 0, 0
    for file in files:
        digest.update(file.source.encode() + b"\0" + file.identity.encode() + b"\0")
        count, size = count + 1, size + file.bytes
    return f"files:{count},bytes:{size},sha256:{digest.hexdigest()}"
