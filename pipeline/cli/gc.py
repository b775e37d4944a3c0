"""``gptfx gc``: what a root needs no more is removed."""

import json
import sys
from pathlib import Path

import typer

from gptfx.pipeline.cli.options import AS_JSON, ROOT, STORE, VERBOSE, address_of, layout_of
from gptfx.pipeline.cli.run import near


def gc(
    keep: int = typer.Option(..., min=0, help="So many runs of each pipeline are kept whole."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Says what would go; nothing goes."),
    root: Path = ROOT,
    store: str | None = STORE,
    as_json: bool = AS_JSON,
    verbose: bool = VERBOSE,
) -> None:
    """Removes artifacts that nothing kept descends from, and what killed runs left.

    Kept are the newest runs of each pipeline, every model that is in the serving folder still, and
    all that those were made of. Logs, and what the metadata say of old runs, stay. Killed at any
    moment, it goes on when it is given again.
    """
    from gptfx.pipeline.housekeeping.collection import collect, plan_for
    from gptfx.pipeline.serving.desk import desk, plain_lock

    del verbose  # main() looks for it
    layout = layout_of(root)
    address = address_of(layout, store)
    with plain_lock(layout, address) if dry_run else desk(layout, address):
        plan, problem = plan_for(layout, address, keep)
        said = {"dry_run": dry_run, **plan.as_json()}  # sizes are asked before anything goes
        if not dry_run:
            collect(layout, address, plan)
    if problem:
        print(f"gptfx: folders of killed runs were not looked for: {problem}", file=sys.stderr)
    print(json.dumps(said)) if as_json else _show(said)


def _show(said: dict) -> None:
    verb = "Would remove" if said["dry_run"] else "Removed"
    for each in said["removed"]:
        where = near(Path(each["uri"]))
        print(f"{verb} {each['type']} {each['id']}: {where} ({each['bytes']:,} bytes)")
    for each in said["leftovers"]:
        print(f"{verb} a leftover: {near(Path(each['path']))} ({each['bytes']:,} bytes)")
    for each in said["lost"]:
        print(f"Gone from the disk: {each['type']} {each['id']}: {near(Path(each['uri']))}")
    count, left = len(said["removed"]), len(said["leftovers"])
    print(
        f"{verb} {count} artifacts and {left} leftovers, {said['bytes']:,} bytes;"
        f" {said['kept']} artifacts are kept"
    )
