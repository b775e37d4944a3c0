"""Tables and lines for the terminal, which may be narrow."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

NARROW = 24  # characters of a last column that can be read still


def plain(*columns: str, title: str | None = None) -> Table:
    """A table without lines."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def fitted(rows: Sequence[Mapping[str, str]], width: int, dispensable: Sequence[str]) -> Table:
    """A table whose last column alone is folded; where that would leave it less than `NARROW`
    characters, the dispensable columns are left out, one after the other, as far as it takes.
    """
    *names, last = rows[0]
    wide = {
        name: max(len(name), *(len(Text.from_markup(row[name])) for row in rows)) + 1
        for name in names
    }
    for name in dispensable:
        if sum(wide.values()) + NARROW > width:
            del wide[name]
    table = plain()
    for name in wide:
        table.add_column(name, no_wrap=True)
    table.add_column(last, overflow="fold")
    for row in rows:
        table.add_row(*(row[name] for name in (*wide, last)))
    return table


def in_words(value: Any) -> str:
    """A value as a person writes it."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {in_words(inner)}" for name, inner in value.items()) or "-"
    if isinstance(value, list):
        return "; ".join(str(each) for each in value) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else "-" if value is None else str(value)


def say_lines(console: Console, lines: Iterable[str]) -> None:
    """Each as long as it is."""
    for line in lines:
        console.print(f"  {escape(line)}", soft_wrap=True)
