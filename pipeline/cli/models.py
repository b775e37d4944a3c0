"""``gptfx models``: what was pushed, and what an operator does about it."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gptfx.pipeline.cli.options import (
    AS_JSON,
    ROOT,
    STORE,
    VERBOSE,
    address_of,
    console,
    layout_of,
    open_store,
)
from gptfx.pipeline.cli.run import near

if TYPE_CHECKING:
    from gptfx.pipeline.serving.change import Changed

OF_PRESET = typer.Option(None, "--preset", help="Of this preset only.")
INFRA_REFUSED = (
    "infra validation had refused this model: it may not answer where it is served, or wrongly"
)
app = typer.Typer(
    help="Pushed versions: list, promote, roll back, prune. All of it is noted in ML Metadata.",
    no_args_is_help=True,
)


@app.command("list")
def list_models(
    root: Path = ROOT,
    store: str | None = STORE,
    preset: str | None = OF_PRESET,
    as_json: bool = AS_JSON,
    verbose: bool = VERBOSE,
) -> None:
    """The newest first: metrics, the run that made it, how it came, and what is served."""
    from gptfx.pipeline.serving.listed import listed

    del verbose  # main() looks for it
    found = listed(open_store(root, store), layout_of(root), preset)
    if as_json:
        print(json.dumps([each.as_json() for each in found]))
        return
    from gptfx.pipeline.serving.table import versions_table

    console().print(versions_table(found))


@app.command("promote")
def promote_model(
    model: str = typer.Argument(
        help="A run's id, `latest` (run), a model's id, an artifact's number, or an older version."
    ),
    force_bless: str | None = typer.Option(
        None, help="Why it is pushed although a gate refused it; noted with your name."
    ),
    root: Path = ROOT,
    store: str | None = STORE,
    preset: str | None = OF_PRESET,
    as_json: bool = AS_JSON,
    verbose: bool = VERBOSE,
) -> None:
    """Makes a model the newest version, if every gate of its run blessed it.

    A model that was withdrawn is so no more.
    """
    from gptfx.modules.export.withdrawn import withdrawal_of
    from gptfx.pipeline.serving.desk import desk
    from gptfx.pipeline.serving.gates import infra_refused
    from gptfx.pipeline.serving.promotion import find_candidate, promote

    del verbose
    layout = layout_of(root)
    with desk(layout, address_of(layout, store)) as held:
        candidate = find_candidate(held.metadata, layout, model, preset)
        withdrawal = withdrawal_of(candidate.serving, candidate.model_id)
        changed = promote(held, candidate, force=force_bless)
        if infra_refused(held.metadata, candidate.model, candidate.run_id):
            print(f"gptfx: {INFRA_REFUSED}", file=sys.stderr)
    _show(changed, "Promoted", as_json)
    if withdrawal and not as_json:
        print(f"It is no longer {withdrawal}")


@app.command("rollback")
def roll_back_model(
    to: str | None = typer.Option(
        None, help="A version; else the newest that is another model and not withdrawn."
    ),
    reason: str = typer.Option("", help="Why; noted with your name. Needed."),
    root: Path = ROOT,
    store: str | None = STORE,
    preset: str | None = OF_PRESET,
    as_json: bool = AS_JSON,
    verbose: bool = VERBOSE,
) -> None:
    """Lays an earlier model down again as the newest version, and withdraws the one served now.

    Readers always find a whole model, and nothing that they read is moved or removed.
    """
    from gptfx.pipeline.serving.choosing import require_reason
    from gptfx.pipeline.serving.desk import desk
    from gptfx.pipeline.serving.rollback import doubts, roll_back

    del verbose
    require_reason(reason, "--reason")
    layout = layout_of(root)
    with desk(layout, address_of(layout, store)) as held:
        changed = roll_back(held, to, preset, reason)
        for line in doubts(held, changed):
            print(f"gptfx: of the model that is served now: {line}", file=sys.stderr)
    _show(changed, "Rolled back", as_json)
    if not as_json:
        old = changed.from_version
        print(
            f"Version {old} is withdrawn: no run pushes its model again, nor compares with it."
            f" `gptfx models promote {old}` takes that back; where a gate had refused it, with"
            " --force-bless REASON."
        )


@app.command("prune")
def prune_models(
    keep: int = typer.Option(..., min=1, help="So many versions of each preset stay."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Says what would go; nothing goes."),
    root: Path = ROOT,
    store: str | None = STORE,
    preset: str | None = OF_PRESET,
    as_json: bool = AS_JSON,
    verbose: bool = VERBOSE,
) -> None:
    """Removes old versions; not what is served, nor, unless --keep is 1, what a rollback needs."""
    from gptfx.pipeline.serving.desk import desk
    from gptfx.pipeline.serving.pruning import prunable, prune

    del verbose
    layout = layout_of(root)
    if dry_run:
        open_store(root, store)
        found = prunable(layout, keep, preset)
    else:
        with desk(layout, address_of(layout, store)) as held:
            found = prune(held, keep, preset)
    if as_json:
        print(json.dumps({"dry_run": dry_run, "removed": [each.as_json() for each in found]}))
        return
    verb = "Would remove" if dry_run else "Removed"
    for each in found:
        print(f"{verb} {near(each.version.folder)} ({each.bytes:,} bytes)")
    print(f"{verb} {len(found)} versions, {sum(each.bytes for each in found):,} bytes")


def _show(changed: "Changed", verb: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps(changed.as_json()))
        return
    if changed.mended:
        print("A command that was killed had done this; its record is whole now.")
    by = f"forced by {changed.by}" if changed.forced else f"by {changed.by}"
    print(f"{verb}: {near(changed.folder)} ({by}: {changed.reason})")
