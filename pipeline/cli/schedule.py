"""``gptfx schedule``: runs that come again and again on this machine."""

import json
import os
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gptfx.data.errors import InputError
from gptfx.pipeline.cli import scheduler
from gptfx.pipeline.cli.options import (
    PRESET,
    SCHEDULE,
    SCHEDULES_ROOT,
    SETTINGS,
    VERBOSE,
    schedules_layout,
)
from gptfx.pipeline.cli.run import usable
from gptfx.pipeline.cli.scheduler import CORPUS, LENGTH
from gptfx.pipeline.layout import Layout

if TYPE_CHECKING:
    from gptfx.pipeline.schedule.definition import Schedule

JSON = typer.Option(False, "--json", help="One JSON list of objects.")
HOOK = "A shell command, or an http(s):// address, that hears of it in JSON."

app = typer.Typer(
    help="Runs that come again and again on this machine.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def create(
    name: str = SCHEDULE,
    cron: str | None = typer.Option(
        None, help="Five fields, as in a crontab, or six that begin with seconds."
    ),
    every: str | None = typer.Option(
        None, help="As 30m, 6h or 1d, counted from when the schedule is made, changed or resumed."
    ),
    timezone: str | None = typer.Option(None, help="Of --cron; this machine's, if none."),
    preset: str = PRESET,
    settings: list[str] = SETTINGS,
    corpus: list[str] = CORPUS,
    when_data_changes: bool = typer.Option(
        False, "--when-data-changes", help="No run while the texts are those of the last one."
    ),
    retries: int = typer.Option(2, min=0, max=100, help="How often a failed run is tried again."),
    retry_after: str = typer.Option("60s", help="Until the first retry; then twice as long each."),
    timeout: str | None = typer.Option(None, help="As 8h; a run that takes longer is stopped."),
    on_blessed: str | None = typer.Option(None, metavar="HOOK", help=f"A model is pushed. {HOOK}"),
    on_refused: str | None = typer.Option(None, metavar="HOOK", help="The gates refuse one."),
    on_failed: str | None = typer.Option(None, metavar="HOOK", help="No retry is left."),
    root: Path = SCHEDULES_ROOT,
    verbose: bool = VERBOSE,
) -> None:
    """Makes a schedule, or changes the one of that name; one that was paused stays so.

    Its runs come while `gptfx schedule run` is running.
    """
    from gptfx.kubeflow.times import seconds, when
    from gptfx.pipeline.config import load_config
    from gptfx.pipeline.schedule.definition import Schedule
    from gptfx.pipeline.schedule.sqlite_file import make_store
    from gptfx.pipeline.schedule.store import Store
    from gptfx.pipeline.schedule.triggers import local_timezone

    del verbose  # main() looks for it
    schedule = Schedule(
        name,
        when(cron, every),
        timezone or local_timezone(),
        preset,
        os.getcwd(),
        tuple(settings),
        tuple(corpus),
        when_data_changes,
        retries,
        seconds(retry_after, 1, LENGTH),
        seconds(timeout, 1, LENGTH) if timeout else None,
        _hooks(blessed=on_blessed, refused=on_refused, failed=on_failed),
    )
    _require_possible(schedule)
    load_config(preset, settings, corpus)
    store = Store(make_store(Layout(usable(root, "--root")).schedules))
    print(f"{name}: {store.put(schedule, float(int(time.time())))}")


@app.command("list")
def list_schedules(
    root: Path = SCHEDULES_ROOT, as_json: bool = JSON, verbose: bool = VERBOSE
) -> None:
    """Lists the schedules: when they come, what came of the last run, and whether they are run."""
    from gptfx.pipeline.schedule.daemon import process_of
    from gptfx.pipeline.schedule.store import find_store
    from gptfx.pipeline.schedule.view import columns, schedule_as_json, schedule_as_row

    del verbose  # main() looks for it
    layout = schedules_layout(root)
    process, store = process_of(layout), find_store(layout.schedules)
    listed = [] if store is None else schedule_as_json(store, process is not None)
    if as_json:
        print(json.dumps(listed))
        return
    if listed:
        print(columns([schedule_as_row(each) for each in listed]))
    if process is None:
        where = shlex.quote(str(root))
        print(f"No scheduler is running here: gptfx schedule run --root {where}")
    else:
        print(f"The scheduler is running, process {process}.")


@app.command()
def history(
    name: str | None = typer.Argument(None, help="Of one schedule, also of one that was deleted."),
    root: Path = SCHEDULES_ROOT,
    as_json: bool = JSON,
    verbose: bool = VERBOSE,
) -> None:
    """Lists the attempts at runs, the oldest first: when, how long, and what came of them."""
    from gptfx.pipeline.schedule.history import History
    from gptfx.pipeline.schedule.store import find_store, no_such_schedule
    from gptfx.pipeline.schedule.view import attempt_as_json, attempt_as_row, columns

    del verbose  # main() looks for it
    store = find_store(schedules_layout(root).schedules)
    attempts = History(store.engine).listed(name) if store else []
    known = list(store.entries()) if store else []
    if name and not attempts and name not in known:
        raise no_such_schedule(name, known)
    if as_json:
        print(json.dumps([attempt_as_json(each) for each in attempts]))
    elif attempts:
        print(columns([attempt_as_row(each) for each in attempts]))


@app.command()
def pause(name: str = SCHEDULE, root: Path = SCHEDULES_ROOT, verbose: bool = VERBOSE) -> None:
    """No more runs until `resume`; one that is under way goes on."""
    del verbose  # main() looks for it
    changed = _set_paused(name, root, True)
    print(f"{name}: paused" if changed else f"{name}: was paused already")


@app.command()
def resume(name: str = SCHEDULE, root: Path = SCHEDULES_ROOT, verbose: bool = VERBOSE) -> None:
    """Runs again, from the next time on."""
    del verbose  # main() looks for it
    changed = _set_paused(name, root, False)
    print(f"{name}: resumed" if changed else f"{name}: was not paused")


@app.command()
def delete(name: str = SCHEDULE, root: Path = SCHEDULES_ROOT, verbose: bool = VERBOSE) -> None:
    """Removes a schedule; its history and models stay, and a run that is under way goes on."""
    from gptfx.pipeline.schedule.store import store_of

    del verbose  # main() looks for it
    store_of(schedules_layout(root).schedules, name).delete(name)
    print(f"{name}: deleted")


app.command()(scheduler.trigger)
app.command("run")(scheduler.run_scheduler)
app.command()(scheduler.export)
app.command(hidden=True)(scheduler.look)


def _set_paused(name: str, root: Path, paused: bool) -> bool:
    from gptfx.pipeline.schedule.store import store_of

    store = store_of(schedules_layout(root).schedules, name)
    return store.set_paused(name, paused, float(int(time.time())))


def _hooks(**given: str | None) -> dict[str, str]:
    from gptfx.pipeline.schedule.definition import require_hook

    hooks = {event: hook for event, hook in given.items() if hook is not None}
    for event, hook in hooks.items():
        require_hook(event, hook)
    return hooks


def _require_possible(schedule: "Schedule") -> None:
    import re

    from gptfx.pipeline.config import NAME_PATTERN
    from gptfx.pipeline.schedule.triggers import require_some_time, require_timezone

    if not re.match(NAME_PATTERN, schedule.name):
        remedy = "use small letters, digits and dashes"
        raise InputError("a schedule cannot have this name", schedule.name, remedy)
    require_timezone(schedule.timezone)
    require_some_time(schedule)
