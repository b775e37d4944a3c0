"""Makes the texts of a run ready: resolved, looked through, and linked into one folder."""

import hashlib
import os
import shutil
from pathlib import Path

from gptfx.data.corpora import TextCorpus, resolve
from gptfx.data.errors import InputError
from gptfx.data.inspection import inspect, require_text
from gptfx.pipeline.config import DataConfig


def resolve_all(config: DataConfig, home: Path, notes: list[str] | None = None) -> list[TextCorpus]:
    """The corpora of a configuration, fetched where needed and fit to be read.

    `notes` takes a line for what is passed over or replaced without being refused.

    Raises:
      InputError: one is missing, empty, binary, or holds too much invalid UTF-8.
    """
    corpora = [resolve(name, home) for name in config.corpora]
    found = notes if notes is not None else []
    names = [corpus.name for corpus in corpora]
    for name in names:
        if names.count(name) > 1:
            raise InputError("two corpora have the same name", name, "rename one of the folders")
    for corpus in corpora:
        report = inspect(corpus.files)
        require_text(report, config.max_invalid_fraction)
        for file in report.files:
            if file.is_empty:
                found.append(f"{file.source} is empty and passed over")
            elif file.invalid_bytes:
                found.append(
                    f"{file.source}: {file.invalid_bytes} bytes are not UTF-8; read as U+FFFD"
                )
    return corpora


def stage(corpora: list[TextCorpus], folder: Path) -> Path:
    """A folder with a link to each file at ``CORPUS/FILE``; the same files give the same folder."""
    links = {file.source: str(file.path.resolve()) for corpus in corpora for file in corpus.files}
    names = "+".join(corpus.name for corpus in corpora)[:80]
    key = hashlib.sha256(repr(sorted(links.items())).encode()).hexdigest()[:12]
    target = folder / f"{names}-{key}"
    if not target.exists():
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.rmtree(partial, ignore_errors=True)
        for source, path in links.items():
            link = partial / source
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
        partial.rename(target)
    return target
