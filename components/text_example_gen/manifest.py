"""What an Examples artifact was made from: its files, and what tells their contents from others.

Without TensorFlow, so that whoever asks about past runs need not wait for it.
"""

import hashlib
import json
from collections.abc import Iterable
from contextlib import closing
from typing import NamedTuple

from gptfx.data.corpora import TextFile
from gptfx.data.storage import identity, is_file, join, open_stored

MANIFEST = "inputs.json"  # at the top of an Examples artifact


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


def read_manifest(folder: str) -> list[InputFile] | None:
    """The files that an Examples artifact was made from; None where it does not say."""
    path = join(folder, MANIFEST)
    if not is_file(path):
        return None
    with closing(open_stored(path)) as stream:
        return [InputFile(**file) for file in json.loads(stream.read())]
