"""``gptfx runs``: what past runs were, how they ended, and why."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gptfx.data.errors import InputError
from gptfx.pipeline.cli.options import AS_JSON, ROOT, STORE, VERBOSE, console, open_store

if TYPE_CHECKING:
    from gptfx.pipeline.metadata import Metadata

app = typer.Typer(
    help="Past runs, from ML Metadata: how they ended, and why.", no_args_is_help=True
)


@app.command("list")
def list_runs(
    root: Path = ROOT,
    store: str | None = STORE,
    preset: str | None = typer.Option(None, help="Of this preset only, by its name."),
    limit: int = typer.Option(20, min=0, help="At most so many, the newest; 0: all."),
    as_json: bool = AS_JSON,
    verbose: bool = VERBOSE,
) -> None:
    """The newest first: outcome, metrics, texts, revision, and why a model was not pushed."""
    from gptfx.pipeline.history.finding import summaries

    del verbose  # main() looks for it
    metadata = open_store(root, store)
    found = list(summaries(metadata, limit or None, preset))
    if preset and not found:
        _require_preset(metadata, preset, as_json)
    if as_json:
        print(json.dumps([each.as_json() for each in found]))
        return
    from gptfx.pipeline.history.run_tables import runs_table

    if not found:
        raise InputError("no runs", str(root), "run `gptfx run` first")
    screen = console()
    screen.print(runs_table(found, screen.width))


def _require_preset(metadata: "Metadata", preset: str, may_ship: bool) -> None:
    """Raises InputError for a preset without runs; `may_ship` lets one that ships pass."""
    from gptfx.pipeline.config import preset_names
    from gptfx.pipeline.history.finding import summaries

    if may_ship and preset in preset_names():
        return
    known = sorted({each.preset for each in summaries(metadata)})
    remedy = f"name one that has runs: {', '.join(known)}" if known else "run `gptfx run` first"
    raise InputError("no runs of this preset", preset, remedy)


@app.command("show")
def show_run(
    run: str = typer.Argument("latest", help="A run's id, the beginning of it, or `latest`."),
    root: Path = ROOT,
    store: str | None = STORE,
    as_json: bool = AS_JSON,
    verbose: bool = VERBOSE,
) -> None:
    """A run whole: each node executed or cached, and why; the end of its log if it failed."""
    from gptfx.pipeline.history.detail import detail
    from gptfx.pipeline.history.finding import find_run

    del verbose
    metadata = open_store(root, store)
    found = detail(metadata, find_run(metadata, run))
    if as_json:
        print(json.dumps(found.as_json()))
        return
    from gptfx.pipeline.history.run_tables import show_detail

    show_detail(console(), found)


@app.command("compare")
def compare_runs(
    first: str = typer.Argument(help="A run's id, or the beginning of it."),
    second: str = typer.Argument("latest", help="Another, or `latest`."),
    root: Path = ROOT,
    store: str | None = STORE,
    as_json: bool = AS_JSON,
    verbose: bool = VERBOSE,
) -> None:
    """Two runs side by side: code, configuration, texts, metrics, samples."""
    from gptfx.pipeline.history.detail import compare
    from gptfx.pipeline.history.finding import find_run

    del verbose
    metadata = open_store(root, store)
    found = compare(find_run(metadata, first), find_run(metadata, second))
    if as_json:
        print(json.dumps(found.as_json()))
        return
    from gptfx.pipeline.history.run_tables import show_comparison

    show_comparison(console(), found)
