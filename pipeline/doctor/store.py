"""The metadata store of the run, and what it says of the root: runs, artifacts, models, disk."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from gptfx.data.errors import InputError
from gptfx.pipeline.doctor.finding import Finding, ok, refusal, warning
from gptfx.pipeline.doctor.folders import MB, is_held, nearest
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.stores import SERVICE, StoreAddress, schema_version

if TYPE_CHECKING:
    from gptfx.pipeline.history.summary import Summary
    from gptfx.pipeline.metadata import Metadata
    from gptfx.pipeline.records import Run

LATEST_RUNS = 5  # that the forecast looks at
FEW_RUNS = 10
COLLECT = "gptfx gc --keep N --dry-run lists what goes; without --dry-run it goes"


def examine_store(address: StoreAddress, layout: Layout) -> Iterator[Finding]:
    """Everything that the store says, where there is one; makes nothing there."""
    try:
        version = schema_version(address)
        if version is None and address.scheme != SERVICE:
            yield ok("store", f"{address}: none yet; the first run makes it")
            return
        from gptfx.pipeline.metadata import open_metadata

        metadata = open_metadata(address)
    except InputError as error:
        yield refusal("store", error)
        return
    schema = "" if version is None else f"schema {version}, "
    yield ok("store", f"{address}: {schema}{sum(1 for _ in metadata.runs())} runs")
    if not is_held(layout.lock) and layout.root.exists():
        yield from _examine_root(layout, address, metadata)


def _examine_root(layout: Layout, address: StoreAddress, metadata: "Metadata") -> Iterator[Finding]:
    from gptfx.pipeline.housekeeping.kept import own_runs

    runs = own_runs(metadata, layout)
    yield _examine_runs(runs)
    yield _examine_models(layout, metadata)
    yield from _examine_artifacts(layout, address, metadata)
    yield _forecast(layout, runs)


def _examine_runs(runs: list["Run"]) -> Finding:
    """Runs that are noted as under way and are not; unless a later one of the pipeline ended."""
    from gptfx.pipeline.history.summary import KILLED, summarize

    newest: dict[str, Summary] = {}
    for run in runs:
        newest.setdefault(run.pipeline, summarize(run))
    killed = [each for each in newest.values() if each.state == KILLED]
    if not killed:
        return ok("runs", f"{len(runs)} in this root, none of the newest was killed")
    named = ", ".join(f"{each.run.id} of {each.preset}" for each in killed)
    remedy = "run the same command again: what was finished comes from the cache"
    return warning("runs", f"noted as running, but their process is gone: {named}", remedy)


def _examine_models(layout: Layout, metadata: "Metadata") -> Finding:
    """Commands about pushed models that were killed."""
    from gptfx.pipeline.serving.mending import unfinished

    if not (killed := unfinished(layout, metadata)):
        return ok("models", "no change to the pushed models was left half made")
    done = ", ".join(f"{each.id}, {each.parameters.get('at')}" for each in killed)
    remedy = "the next gptfx models promote, rollback or prune, or gptfx gc, mends it"
    return warning("models", f"a change to the pushed models was killed: {done}", remedy)


def _examine_artifacts(
    layout: Layout, address: StoreAddress, metadata: "Metadata"
) -> Iterator[Finding]:
    """Whether the metadata and the disk agree."""
    from gptfx.pipeline.housekeeping.collection import stores_of
    from gptfx.pipeline.housekeeping.plan import leftovers, own_artifacts
    from gptfx.pipeline.records import LIVE

    own = own_artifacts(layout, metadata)
    live = [(each, folder) for each, folder in own if each.state == LIVE]
    if gone := [folder for _, folder in live if not folder.is_dir()]:
        found = f"{len(gone)} of {len(live)} are gone from the disk, such as {gone[0]}"
        yield warning("artifacts", found, f"a run makes them again; {COLLECT}")
    else:
        yield ok("artifacts", f"{len(live)} of this root, all on the disk")
    try:
        stores = [metadata, *stores_of(layout, address)]
    except InputError as error:
        found = f"not looked at, as another store of the root cannot be had: {error.received}"
        yield warning("folders", found, error.remedy)
        return
    unknown = leftovers(layout, stores, {folder for _, folder in own})
    if unknown:
        found = f"{len(unknown)} that no metadata know, such as {unknown[0]}"
        yield warning("folders", found, COLLECT)
    else:
        yield ok("folders", "the metadata know all of them")


def _forecast(layout: Layout, runs: list["Run"]) -> Finding:
    """How many more runs there is room for, if they take what the latest took."""
    taken = list(islice((size for run in runs if (size := _bytes_of(run))), LATEST_RUNS))
    state = os.statvfs(nearest(layout.root))
    free = state.f_bavail * state.f_frsize
    if not taken:
        return ok("forecast", "no run has made anything yet")
    each = sum(taken) / len(taken)
    found = f"enough for about {int(free / each):,} more runs: {each / MB:,.1f} MB each of late"
    if free / each >= FEW_RUNS:
        return ok("forecast", f"{found}, {free / MB:,.0f} MB free")
    remedy = "free space: gptfx gc --keep N, gptfx models prune --keep N"
    return warning("forecast", f"{found}, {free / MB:,.0f} MB free", remedy)


def _bytes_of(run: "Run") -> int:
    """What a run put on the disk: artifacts of nodes that were executed, and a pushed version.

    0 for one of which something was removed since.
    """
    from gptfx.pipeline.history.artifacts import size_of
    from gptfx.pipeline.records import LIVE

    made = [each for node in run.nodes if not node.is_cached for each in node.outputs.values()]
    if any(each.state != LIVE for each in made):
        return 0
    folders = [each.uri for each in made]
    folders += [str(each.properties.get("pushed_destination") or "") for each in made]
    return sum(size_of(Path(folder)) for folder in folders if folder and Path(folder).is_dir())
