"""``gptfx schedule``: runs that come again and again on this machine."""

import json
import os
import shlex
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gptfx.data.errors import InputError
from gptfx.pipeline.cli.options import PRESET, SETTINGS, VERBOSE
from gptfx.pipeline.cli.run import NOT_BLESSED, usable
from gptfx.pipeline.layout import DEFAULT_ROOT, Layout, data_home

if TYPE_CHECKING:
    from gptfx.pipeline.schedule.definition import Schedule
    from gptfx.pipeline.schedule.history import Attempt
    from gptfx.pipeline.schedule.store import Store
    from gptfx.pipeline.schedule.worker import Place

STOPPED, FAILED = 130, 1
NAME = typer.Argument(help="The schedule's name.")
ROOT = typer.Option(DEFAULT_ROOT, help="Of `gptfx run`; its schedules are kept there, too.")
CORPUS = typer.Option([], help="As for `gptfx run`.")
JSON = typer.Option(False, "--json", help="One JSON list of objects.")
GRACE = typer.Option("2m", help="What a run that is told to stop has for its checkpoint.")
HOOK = "A shell command, or an http(s):// address, that hears of it in JSON."
COMMAND = typer.Option("", hidden=True, help="Instead of `gptfx run`, for tests.")

app = typer.Typer(
    help="Runs that come again and again on this machine.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def create(
    name: str = NAME,
    cron: str | None = typer.Option(
        None, help="Five fields, as in a crontab, or six that begin with seconds."
    ),
    every: str | None = typer.Option(None, help="As 30m, 6h or 1d; the first after that time."),
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
    root: Path = ROOT,
    verbose: bool = VERBOSE,
) -> None:
    """Makes a schedule, or changes the one of that name; one that was paused stays so.

    Its runs come while `gptfx schedule run` is running.
    """
    from gptfx.kubeflow.times import seconds, when
    from gptfx.pipeline.config import load_config
    from gptfx.pipeline.schedule.definition import Schedule
    from gptfx.pipeline.schedule.store import Store, make_store
    from gptfx.pipeline.schedule.triggers import local_timezone

    del verbose  # main() looks for it
    length = "not a length of time"
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
        seconds(retry_after, 1, length),
        seconds(timeout, 1, length) if timeout else None,
        _hooks(blessed=on_blessed, refused=on_refused, failed=on_failed),
    )
    _require_possible(schedule)
    load_config(preset, settings, corpus)
    store = Store(make_store(Layout(usable(root, "--root")).schedules))
    print(f"{name}: {store.put(schedule, float(int(time.time())))}")


@app.command("list")
def list_schedules(root: Path = ROOT, as_json: bool = JSON, verbose: bool = VERBOSE) -> None:
    """Lists the schedules: when they come, what came of the last run, and whether they are run."""
    from gptfx.pipeline.schedule.daemon import process_of
    from gptfx.pipeline.schedule.view import columns, schedule_as_json, schedule_as_row

    del verbose  # main() looks for it
    layout = _layout(root)
    process, store = process_of(layout), _store(layout)
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
    root: Path = ROOT,
    as_json: bool = JSON,
    verbose: bool = VERBOSE,
) -> None:
    """Lists the attempts at runs, the oldest first: when, how long, and what came of them."""
    from gptfx.pipeline.schedule.history import History
    from gptfx.pipeline.schedule.store import no_such_schedule
    from gptfx.pipeline.schedule.view import attempt_as_json, attempt_as_row, columns

    del verbose  # main() looks for it
    store = _store(_layout(root))
    attempts = History(store.engine).listed(name) if store else []
    known = list(store.entries()) if store else []
    if name and not attempts and name not in known:
        raise no_such_schedule(name, known)
    if as_json:
        print(json.dumps([attempt_as_json(each) for each in attempts]))
    elif attempts:
        print(columns([attempt_as_row(each) for each in attempts]))


@app.command()
def trigger(
    name: str = NAME,
    root: Path = ROOT,
    unless_paused: bool = typer.Option(
        False, "--unless-paused", help="Does nothing if it is paused; for a crontab."
    ),
    grace: str = GRACE,
    command: str = COMMAND,
    verbose: bool = VERBOSE,
) -> None:
    """Runs a schedule now, once, and waits for it; paused or not.

    Exit codes: 0 pushed, or nothing to do; 1 failed; 3 refused; 130 stopped.
    """
    from gptfx.pipeline.schedule.daemon import run_now

    del verbose  # main() looks for it
    layout = _layout(root)
    store = _existing(layout, name)
    if store.entry(name).paused and unless_paused:
        print(f"{name}: paused")
        return
    last = run_now(_place(layout, command, grace), store, name, _print)
    if code := _code(last):
        raise typer.Exit(code)


@app.command()
def pause(name: str = NAME, root: Path = ROOT, verbose: bool = VERBOSE) -> None:
    """No more runs until `resume`; one that is under way goes on."""
    del verbose  # main() looks for it
    changed = _existing(_layout(root), name).set_paused(name, True, float(int(time.time())))
    print(f"{name}: paused" if changed else f"{name}: was paused already")


@app.command()
def resume(name: str = NAME, root: Path = ROOT, verbose: bool = VERBOSE) -> None:
    """Runs again, from the next time on."""
    del verbose  # main() looks for it
    changed = _existing(_layout(root), name).set_paused(name, False, float(int(time.time())))
    print(f"{name}: resumed" if changed else f"{name}: was not paused")


@app.command()
def delete(name: str = NAME, root: Path = ROOT, verbose: bool = VERBOSE) -> None:
    """Removes a schedule; its history and models stay, and a run that is under way goes on."""
    del verbose  # main() looks for it
    _existing(_layout(root), name).delete(name)
    print(f"{name}: deleted")


@app.command("run")
def run_scheduler(
    root: Path = ROOT, grace: str = GRACE, command: str = COMMAND, verbose: bool = VERBOSE
) -> None:
    """Runs the schedules of a root, one run at a time, until Ctrl-C or SIGTERM.

    What was missed, or ended in the middle, while it was not running comes first.
    """
    from gptfx.pipeline.schedule.daemon import serve
    from gptfx.pipeline.schedule.store import Store, make_store

    del verbose  # main() looks for it
    layout = Layout(usable(root, "--root"))
    place = _place(layout, command, grace)
    serve(place, Store(make_store(layout.schedules)), _print_with_time)


@app.command()
def export(
    systemd: bool = typer.Option(False, "--systemd", help="A unit that keeps it running."),
    crontab: bool = typer.Option(False, "--crontab", help="A line a schedule, without scheduler."),
    root: Path = ROOT,
    grace: str = GRACE,
    verbose: bool = VERBOSE,
) -> None:
    """Prints what has the schedules run when nobody is logged in."""
    from gptfx.kubeflow.times import seconds
    from gptfx.pipeline.schedule import units
    from gptfx.pipeline.schedule.process import gptfx

    del verbose  # main() looks for it
    if systemd == crontab:
        given = "both" if systemd else "neither"
        raise InputError("an export is for one of two", given, "give --systemd or --crontab")
    layout, home = _layout(root), data_home().absolute()
    if systemd:
        length = seconds(grace, 1, "not a length of time")
        print(units.systemd_unit(gptfx(), layout.root, home, length), end="")
        return
    store = _store(layout)
    entries = store.entries().values() if store else []
    print(units.crontab(entries, gptfx(), layout.root, home), end="")


@app.command(hidden=True)
def look(
    preset: str = PRESET,
    settings: list[str] = SETTINGS,
    corpus: list[str] = CORPUS,
    known: str = typer.Option("", help="What the texts held, as a fingerprint."),
    then: str = typer.Option(help="The command to go on with if they changed, as JSON."),
    verbose: bool = VERBOSE,
) -> None:
    """Goes on with a command if the texts are not those that are known."""
    from gptfx.pipeline.config import load_config
    from gptfx.pipeline.schedule.look import fingerprint_of

    del verbose  # main() looks for it
    found = fingerprint_of(load_config(preset, settings, corpus))
    print(json.dumps({"texts": found, "skipped": found == known}), flush=True)
    if found != known:
        words = json.loads(then)
        os.execvp(words[0], words)


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


def _layout(root: Path) -> Layout:
    return Layout(root.expanduser().absolute())


def _store(layout: Layout) -> "Store | None":
    """The store of a root, or None: it is made by `create` and by the scheduler alone."""
    from gptfx.pipeline.schedule.store import Store, is_made, open_store

    return Store(open_store(layout.schedules)) if is_made(layout.schedules) else None


def _existing(layout: Layout, name: str) -> "Store":
    from gptfx.pipeline.schedule.store import no_such_schedule

    if (store := _store(layout)) is None:
        raise no_such_schedule(name, [])
    store.entry(name)
    return store


def _place(layout: Layout, command: str, grace: str) -> "Place":
    from gptfx.kubeflow.times import seconds
    from gptfx.pipeline.schedule.process import gptfx
    from gptfx.pipeline.schedule.worker import Place

    run = shlex.split(command) or [gptfx(), "run"]
    return Place(layout, run, float(seconds(grace, 1, "not a length of time")))


def _code(last: "Attempt") -> int:
    """As that of `gptfx run`."""
    if last.state != "done" or last.outcome == "interrupted":
        return STOPPED
    if last.outcome == "refused":
        return NOT_BLESSED
    return FAILED if last.outcome in ("failed", "timed out") else 0


def _print(text: str) -> None:
    with suppress(BrokenPipeError):  # nobody reads it, and the run goes on
        print(text, flush=True)


def _print_with_time(text: str) -> None:
    _print(f"{datetime.now():%Y-%m-%d %H:%M:%S} {text}")
