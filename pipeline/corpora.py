"""Makes the texts of a run ready: resolved, fetched and looked through."""

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
    own, latest = config.own_corpora, config.latest_spans
    corpora = [resolve(name, home, registered=own, latest_spans=latest) for name in config.corpora]
    found = notes if notes is not None else []
    names = [corpus.name for corpus in corpora]
    for name in names:
        if names.count(name) > 1:
            places = ", ".join(corpus.pattern for corpus in corpora if corpus.name == name)
            raise InputError(f"two corpora have the name {name}", places, "rename one of them")
    if unknown := sorted(set(config.weights) - set(names)):
        remedy = f"weigh one of {', '.join(names)}"
        raise InputError("data.weights names no corpus of this run", unknown[0], remedy)
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
