"""Copies a corpus to where a cluster reads it."""

from collections.abc import Mapping
from pathlib import Path

from gptfx.data.catalogue import RegisteredCorpus
from gptfx.data.corpora import NOTHING_REGISTERED, resolve
from gptfx.data.errors import InputError
from gptfx.data.storage import copy, is_uri, join


def stage(
    name_or_path: str,
    home: Path,
    to: str,
    registered: Mapping[str, RegisteredCorpus] = NOTHING_REGISTERED,
) -> str:
    """Copies the corpus's files below the folder or URI ``to``, as ``CORPUS/FILE``; returns
    ``TO/CORPUS``, which a run takes as ``--corpus``.

    A file that is there already is written again; an empty one, from which nothing is learned, is
    passed over: Beam cannot write it to S3. Raises InputError as ``resolve`` does, and where
    ``to`` cannot be written.
    """
    corpus = resolve(name_or_path, home, registered=registered)
    for file in (file for file in corpus.files if file.bytes):
        target = join(to, file.source)
        try:
            copy(file.path, target)
        except OSError as error:
            problem = f"the corpus cannot be staged: {error.strerror or error}"
            raise InputError(problem, target, "name another --to, or free space there") from error
    return join(to, corpus.name) if is_uri(to) else str(Path(to).absolute() / corpus.name)
