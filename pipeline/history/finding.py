"""Which runs there are, and which one a name means."""

from collections.abc import Iterator
from itertools import islice

from gptfx.data.errors import InputError
from gptfx.pipeline.history.summary import PREFIX, Summary, summarize
from gptfx.pipeline.metadata import Metadata
from gptfx.pipeline.records import Run

LATEST = "latest"
AT_ONCE = 50  # runs whose nodes are asked for together


def summaries(
    metadata: Metadata, most: int | None = None, preset: str | None = None
) -> Iterator[Summary]:
    """The newest runs first. Nodes are asked for only where the notes do not tell all."""
    pipeline = f"{PREFIX}{preset}" if preset else None
    runs = islice(metadata.runs(pipeline), most)
    while some := list(islice(runs, AT_ONCE)):
        untold = {run.id for run in some if "nodes" not in run.noted}
        found = metadata.with_all_nodes([run for run in some if run.id in untold])
        told = {run.id: run for run in found}
        yield from (summarize(told.get(run.id, run)) for run in some)


def find_run(metadata: Metadata, name: str) -> Run:
    """A run with its nodes, by its id, the beginning of it, or `latest`.

    Raises InputError where there is none, or are several.
    """
    if name == LATEST:
        for run in metadata.runs():
            return metadata.with_nodes(run)
        raise InputError("there are no runs yet", name, "run `gptfx run` first")
    if run := metadata.run(name):
        return run
    found = [run for run in metadata.runs() if name and run.id.startswith(name)]
    if len(found) == 1:
        return metadata.with_nodes(found[0])
    ids = ", ".join(run.id for run in (found or islice(metadata.runs(), 5)))
    problem = "several runs begin like this" if found else "no such run"
    raise InputError(problem, name, f"name one of: {ids}" if ids else "run `gptfx run` first")
