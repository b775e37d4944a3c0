"""Artifacts as tables for the terminal: the list, and one with what is in it."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gptfx.pipeline.history.artifacts import folder_of, state_of
from gptfx.pipeline.history.inside.files import Facts
from gptfx.pipeline.history.tables import fitted, in_words, plain
from gptfx.pipeline.history.values import flat
from gptfx.pipeline.records import Artifact
from gptfx.pipeline.times import iso

MOST_USES = 6  # of an artifact; `--json` lists all
PROPERTIES_NOT_SHOWN = ("is_external", "tfx_version")  # TFX's own, the same everywhere


def artifacts_table(found: Iterable[tuple[Artifact, int | None]], width: int) -> Table:
    """An artifact a line, with its size."""
    rows = [
        {
            "id": str(artifact.id),
            "type": artifact.type,
            "made": iso(artifact.created),
            "bytes": "-" if size is None else f"{size:,}",
            "state": state_of(artifact),
            "where": escape(str(folder_of(artifact))),
        }
        for artifact, size in found
    ]
    return fitted(rows, width, ("made", "bytes"))


def show_artifact(console: Console, facts: Facts, inside: Facts | None) -> None:
    """Its own facts, its properties, and what is in it."""
    rows = plain("", "")
    rows.show_header = False
    for name, value in facts.items():
        if name != "properties":
            rows.add_row(name, escape(in_words(_first(value))))
    for name, value in facts["properties"].items():
        if name not in PROPERTIES_NOT_SHOWN:
            rows.add_row(f"  {name}", escape(in_words(value)))
    console.print(rows)
    for name, value in (inside or {}).items():
        show_fact(console, name, value)


def _first(value: Any) -> Any:
    """Of a long list the beginning, and how much more there is."""
    if not isinstance(value, list) or len(value) <= MOST_USES:
        return value
    return [*value[:MOST_USES], f"and {len(value) - MOST_USES} more"]


def show_fact(console: Console, name: str, value: Any) -> None:
    """A table of a list of rows, a block of a long text, a line of all else."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        table = plain(*value[0], title=f"\n{name}")
        for row in value:
            table.add_row(*(escape(_cell(row.get(column))) for column in value[0]))
        console.print(table)
    elif isinstance(value, str) and "\n" in value:
        console.print(f"\n{name}")
        console.print(escape(value), soft_wrap=True)
    elif isinstance(value, dict) and value:
        rows = plain("", "", title=f"\n{name}")
        rows.show_header = False
        for key, inner in flat(value).items():
            rows.add_row(f"  {key}", escape(in_words(inner)))
        console.print(rows)
    else:
        console.print(f"{name}: {escape(in_words(value))}", soft_wrap=True)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        line = value.replace("\n", "\\n")
        return line if line == line.strip() else f"'{line}'"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
