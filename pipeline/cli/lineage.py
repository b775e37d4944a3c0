"""``gptfx lineage``: from a model to its files, and to everything that was made from those."""

import json
from pathlib import Path
from typing import Literal

import typer

from gptfx.pipeline.cli.options import AS_JSON, ROOT, STORE, VERBOSE, console, open_store

Form = Literal["tree", "mermaid", "svg"]


def show_lineage(
    artifact: str = typer.Argument(
        "latest", help="A pushed version, a model's id, a run's id, an artifact's number, `latest`."
    ),
    root: Path = ROOT,
    store: str | None = STORE,
    form: Form = typer.Option("tree", "--format", help="How it is drawn."),
    everything: bool = typer.Option(
        False, "--all", help="In Mermaid and SVG, too, all that was made from the same texts."
    ),
    as_json: bool = AS_JSON,
    verbose: bool = VERBOSE,
) -> None:
    """Up to the files of the corpora with their hashes, and down to everything made from them."""
    from gptfx.pipeline.history import drawing
    from gptfx.pipeline.history.artifacts import find_artifact
    from gptfx.pipeline.history.lineage import lineage

    del verbose  # main() looks for it
    metadata = open_store(root, store)
    found = lineage(metadata, find_artifact(metadata, artifact))
    if as_json:
        print(json.dumps(found.as_json()))
    elif form == "mermaid":
        print(drawing.mermaid(found, everything), end="")
    elif form == "svg":
        from gptfx.pipeline.history.picture import svg

        print(svg(found, everything), end="")
    else:
        screen = console(fits=False)
        screen.print(drawing.up_tree(found), soft_wrap=True)
        screen.print(drawing.code_tree(found), soft_wrap=True)
        screen.print(drawing.down_tree(found), soft_wrap=True)
