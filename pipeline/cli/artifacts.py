"""``gptfx artifacts``: what the nodes of past runs made, and what is in it."""

import json
import os
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import typer

from gptfx.data.errors import InputError
from gptfx.pipeline.cli.options import AS_JSON, ROOT, STORE, VERBOSE, console, open_store

WITH_TENSORFLOW = ("Examples", "ModelEvaluation")  # types that it takes to look inside
app = typer.Typer(
    help="What the nodes made, from ML Metadata, and a look inside.", no_args_is_help=True
)


@app.command("list")
def list_artifacts(
    root: Path = ROOT,
    store: str | None = STORE,
    kind: str | None = typer.Option(None, "--type", help="Of this type only: Model, Examples ..."),
    limit: int = typer.Option(50, min=0, help="So many, the newest; 0 for all."),
    as_json: bool = AS_JSON,
    verbose: bool = VERBOSE,
) -> None:
    """The newest first: type, size, state, and where it lies."""
    del verbose  # main() looks for it
    found = list(islice(open_store(root, store).artifacts(kind), limit or None))
    sizes = [_size(each) for each in found]
    rows = list(zip(found, sizes, strict=True))
    if as_json:
        print(json.dumps([facts(artifact, size) for artifact, size in rows]))
        return
    from gptfx.pipeline.history.artifact_tables import artifacts_table

    if not found:
        raise InputError("no artifacts", kind or str(root), "gptfx artifacts list shows all types")
    screen = console()
    screen.print(artifacts_table(rows, screen.width))


@app.command("show")
def show_artifact(
    artifact: str = typer.Argument(
        "latest", help="A number, a pushed version, a model's id, a run's id (its model), `latest`."
    ),
    root: Path = ROOT,
    store: str | None = STORE,
    inside: bool = typer.Option(True, help="Looks inside, at what is there of its kind."),
    as_json: bool = AS_JSON,
    verbose: bool = VERBOSE,
) -> None:
    """One whole: properties, who made it and who took it, and what is in it."""
    from gptfx.pipeline.history.artifacts import find_artifact
    from gptfx.pipeline.history.inside.look import look_inside

    del verbose
    metadata = open_store(root, store)
    found = find_artifact(metadata, artifact)
    said = {
        **facts(found, _size(found)),
        "made_by": [_maker(metadata, node) for node in metadata.makers([found.id])[found.id]],
        "taken_by": [_maker(metadata, node) for node in metadata.takers([found.id])[found.id]],
    }
    with ExitStack() as silenced:
        if inside and found.type in WITH_TENSORFLOW:
            from gptfx.pipeline.quiet import quiet

            silenced.enter_context(quiet(Path(os.devnull)))
        looked = look_inside(found, metadata) if inside else None
    if as_json:
        print(json.dumps({**said, "inside": looked}))
        return
    from gptfx.pipeline.history import artifact_tables

    artifact_tables.show_artifact(console(), said, looked)


def facts(artifact: Any, size: int | None) -> dict[str, Any]:
    """What the metadata say of an artifact, and its size; the keys stay."""
    from gptfx.pipeline.times import iso

    return {
        "id": artifact.id,
        "type": artifact.type,
        "uri": artifact.uri,
        "state": artifact.state,
        "created": iso(artifact.created),
        "bytes": size,
        "properties": artifact.properties,
    }


def _size(artifact: Any) -> int | None:
    """Bytes on the disk; None where it is not there, or not on this machine."""
    from gptfx.pipeline.history.artifacts import folder_of, size_of

    folder = folder_of(artifact)
    return size_of(folder) if folder.exists() else None


def _maker(metadata: Any, node: Any) -> str:
    how = " (cached)" if node.is_cached else ""
    run = metadata.run_of(node)  # a command is in none
    return f"{node.id} in run {run}{how}" if run else f"{node.id} by {node.parameters.get('by')}"
