"""``gptfx schedule run``, and what else has schedules run: by hand, by systemd, by cron."""

import json
import os
import shlex
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gptfx.data.errors import InputError
from gptfx.pipeline.cli.options import (
    PRESET,
    SCHEDULE,
    SCHEDULES_ROOT,
    SETTINGS,
    VERBOSE,
    schedules_layout,
)
from gptfx.pipeline.cli.run import NOT_BLESSED, usable
from gptfx.pipeline.layout import Layout, data_home

if TYPE_CHECKING:
    from gptfx.pipeline.schedule.history import Attempt
    from gptfx.pipeline.schedule.worker import Place

STOPPED, FAILED = 130, 1
LENGTH = "not a length of time"
CORPUS = typer.Option([], help="As for `gptfx run`.")
GRACE = typer.Option("2m", help="What a run that is told to stop has for its checkpoint.")
COMMAND = typer.Option("", hidden=True, help="Instead of `gptfx run`, for tests.")


def trigger(
    name: str = SCHEDULE,
    root: Path = SCHEDULES_ROOT,
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
    from gptfx.pipeline.schedule.store import store_of

    del verbose  # main() looks for it
    layout = schedules_layout(root)
    store = store_of(layout.schedules, name)
    if store.entry(name).paused and unless_paused:
        print(f"{name}: paused")
        return
    last = run_now(_place(layout, command, grace), store, name, _print)
    if code := _code(last):
        raise typer.Exit(code)


def run_scheduler(
    root: Path = SCHEDULES_ROOT, grace: str = GRACE, command: str = COMMAND, verbose: bool = VERBOSE
) -> None:
    """Runs the schedules of a root, one run at a time, until Ctrl-C or SIGTERM.

    What was missed, or ended in the middle, while it was not running comes first.
    """
    from gptfx.pipeline.schedule.daemon import serve
    from gptfx.pipeline.schedule.sqlite_file import make_store
    from gptfx.pipeline.schedule.store import Store

    del verbose  # main() looks for it
    layout = Layout(usable(root, "--root"))
    place = _place(layout, command, grace)
    serve(place, Store(make_store(layout.schedules)), _print_with_time)


def export(
    names: list[str] = typer.Argument(
        None, metavar="NAME", help="Schedules for --crontab; all, if none is named."
    ),
    systemd: bool = typer.Option(False, "--systemd", help="A unit that keeps it running."),
    crontab: bool = typer.Option(False, "--crontab", help="A line a schedule, without scheduler."),
    root: Path = SCHEDULES_ROOT,
    grace: str = GRACE,
    verbose: bool = VERBOSE,
) -> None:
    """Prints what has the schedules run when nobody is logged in.

    A crontab cannot say every time: what it cannot is left out, with a comment that says why. Exit
    code 2 if nothing is left.
    """
    from gptfx.kubeflow.times import seconds
    from gptfx.pipeline.schedule.process import gptfx
    from gptfx.pipeline.schedule.units import systemd_unit

    del verbose  # main() looks for it
    if systemd == crontab:
        given = "both" if systemd else "neither"
        raise InputError("an export is for one of two", given, "give --systemd or --crontab")
    layout, home = schedules_layout(root), data_home().absolute()
    if systemd:
        if names:
            remedy = "leave the names out: the scheduler runs all schedules of its root"
            raise InputError("--systemd takes no names", " ".join(names), remedy)
        length = seconds(grace, 1, LENGTH)
        print(systemd_unit(gptfx(), layout.root, home, length), end="")
        return
    _export_crontab(names or [], layout, home)


def _export_crontab(names: list[str], layout: Layout, home: Path) -> None:
    from gptfx.pipeline.schedule.process import gptfx
    from gptfx.pipeline.schedule.store import entries_of
    from gptfx.pipeline.schedule.units import crontab, nothing_said

    lines, unsaid = crontab(entries_of(layout.schedules, names), gptfx(), layout.root, home)
    if unsaid and len(unsaid) == len(lines):
        raise nothing_said(unsaid)
    print("".join(lines), end="")
    if unsaid:
        left_out = ", ".join(unsaid)
        print(
            f"gptfx: left out of the crontab, whose comments say why: {left_out}", file=sys.stderr
        )


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


def _place(layout: Layout, command: str, grace: str) -> "Place":
    from gptfx.kubeflow.times import seconds
    from gptfx.pipeline.schedule.process import gptfx
    from gptfx.pipeline.schedule.worker import Place

    run = shlex.split(command) or [gptfx(), "run"]
    return Place(layout, run, float(seconds(grace, 1, LENGTH)))


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
