"""Options that several commands take, each said once."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gptfx.data.errors import InputError
from gptfx.pipeline.layout import DEFAULT_ROOT, Layout

if TYPE_CHECKING:
    from rich.console import Console

    from gptfx.pipeline.metadata import Metadata
    from gptfx.pipeline.stores import StoreAddress

ENDLESS = 100_000  # columns, so that nothing is cut off
WIDE = 200  # columns, where nobody's terminal says how many

PRESET = typer.Option("default", help="A preset's name, or a YAML file.")
SETTINGS = typer.Option(
    [], "--set", metavar="a.b=value", help="Changes one value; may be repeated."
)
VERBOSE = typer.Option(False, "--verbose", help="Shows a traceback on failure.")
ROOT = typer.Option(DEFAULT_ROOT, "--root", help="Where the runs are.")
STORE = typer.Option(
    None,
    help="The metadata, if not ROOT/metadata.sqlite: postgresql://USER@HOST/DATABASE,"
    " mysql://USER@HOST/DATABASE, grpc://HOST:PORT (a cluster's), or a file.",
)
AS_JSON = typer.Option(False, "--json", help="One JSON object or list.")
SCHEDULE = typer.Argument(metavar="NAME", help="The schedule's name.")
SCHEDULES_ROOT = typer.Option(
    DEFAULT_ROOT, "--root", help="Of `gptfx run`; its schedules are kept there, too."
)


def layout_of(root: Path) -> Layout:
    """The root that a command was given."""
    return Layout(root.expanduser().absolute())


def schedules_layout(root: Path) -> Layout:
    """The root of schedules that are there. Raises InputError where there is no such folder."""
    layout = layout_of(root)
    if not layout.root.is_dir():
        remedy = "run `gptfx schedule create` first, or name the --root it was given"
        raise InputError("there is no such root", str(layout.root), remedy)
    return layout


def address_of(layout: Layout, store: str | None) -> "StoreAddress":
    """The store of a root, or the one that --store names."""
    from gptfx.pipeline.stores import StoreAddress

    return StoreAddress.parse(store) if store else StoreAddress.of_file(layout.metadata)


def open_store(root: Path, store: str | None) -> "Metadata":
    """The metadata that a command is about, for reading. Raises InputError where there is none."""
    from gptfx.pipeline.metadata import open_metadata

    return open_metadata(address_of(layout_of(root), store))


def console(fits: bool = True) -> "Console":
    """Standard output, as wide as its terminal or as COLUMNS says; else lines are long. What does
    not have to fit is left to the terminal to fold."""
    from rich.console import Console

    if not fits:
        return Console(width=ENDLESS, highlight=False)
    is_told = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if is_told else WIDE, highlight=False)
