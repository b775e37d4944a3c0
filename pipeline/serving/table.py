"""Pushed versions as a table for the terminal."""

from collections.abc import Iterable

from rich.markup import escape
from rich.table import Table

from gptfx.pipeline.history.tables import plain
from gptfx.pipeline.serving.listed import Listed

SHORT = 12  # characters of a model's id


def versions_table(found: Iterable[Listed]) -> Table:
    """A version a line."""
    table = plain("version", "preset", "state", "bits/byte", "made by run", "model", "how", "when")
    for each in found:
        bits = each.metrics.get("bits_per_byte")
        table.add_row(
            str(each.version.number),
            escape(each.version.folder.parent.name),
            _state(each),
            "-" if bits is None else f"{bits:.4f}",
            each.run_id or "-",
            escape(each.version.model_id[:SHORT]),
            escape(_how(each)),
            each.at or "-",
        )
    return table


def _state(each: Listed) -> str:
    words = ["[green]served[/]"] if each.is_served else []
    words += ["[yellow]withdrawn[/]"] if each.withdrawal else []
    return ", ".join(words) or "-"


def _how(each: Listed) -> str:
    """What was done, by whom, and why if somebody said so; and why it was withdrawn."""
    forced = " by force" if each.forced else ""
    by = f" by {each.by}" if each.by else ""
    why = f": {each.reason}" if each.reason else ""
    note = f"; {each.withdrawal}" if each.withdrawal else ""
    return f"{each.how}{forced}{by}{why}{note}"
