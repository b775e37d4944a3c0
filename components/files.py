"""Files of artifacts by path or URI: where Beam's workers are elsewhere, artifacts may be, too."""

import posixpath
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tensorflow as tf

from gptfx.data.storage import is_uri


def read_text(path: str) -> str:
    """The text of a file."""
    with tf.io.gfile.GFile(path) as stream:
        return str(stream.read())


def read_bytes(path: str) -> bytes:
    """The bytes of a file."""
    with tf.io.gfile.GFile(path, "rb") as stream:
        return bytes(stream.read())


def write_text(path: str, text: str) -> None:
    """Writes a file; its folder is there."""
    with tf.io.gfile.GFile(path, "w") as stream:
        stream.write(text)


@contextmanager
def local(folder: str, *names: str) -> Iterator[Path]:
    """A folder as one of this machine: itself, or a copy of it, or of the files that are named."""
    if not is_uri(folder):
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory() as copy:
        for name in names or tuple(_below(folder)):
            target = Path(copy, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            source = posixpath.join(folder, name)
            if tf.io.gfile.exists(source):
                tf.io.gfile.copy(source, str(target))
        yield Path(copy)


@contextmanager
def made(folder: str) -> Iterator[Path]:
    """A folder to write into; what is in it goes to the URI, if it is one."""
    if not is_uri(folder):
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory() as copy:
        yield Path(copy)
        for path in sorted(Path(copy).rglob("*")):
            if path.is_file():
                target = posixpath.join(folder, path.relative_to(copy).as_posix())
                tf.io.gfile.makedirs(posixpath.dirname(target))
                tf.io.gfile.copy(str(path), target, overwrite=True)


def _below(folder: str) -> Iterator[str]:
    """Names of the files below a URI, from there."""
    for place, _, names in tf.io.gfile.walk(folder):
        for name in names:
            yield posixpath.relpath(posixpath.join(place, name), folder)
