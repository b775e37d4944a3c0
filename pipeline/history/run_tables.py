"""Runs as tables for the terminal: the list, one whole, two side by side."""

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gptfx.pipeline.history.detail import Comparison, Detail, Difference
from gptfx.pipeline.history.summary import Summary
from gptfx.pipeline.history.tables import fitted, in_words, plain, say_lines
from gptfx.pipeline.history.values import shown_apart

COLOURS = {"pushed": "green", "refused": "yellow", "failed": "red", "killed": "red"}
SHORT = 10  # characters of a hash
DISPENSABLE = ("texts", "ran", "cached", "seconds", "revision", "preset", "bits/byte")
WHOLE = ("Samples", "Outcome")  # tables of a comparison whose values are not shortened


def runs_table(found: Iterable[Summary], width: int) -> Table:
    """A run a line."""
    return fitted([_run_row(each) for each in found], width, DISPENSABLE)


def _run_row(summary: Summary) -> dict[str, str]:
    bits = summary.metrics.get("bits_per_byte")
    return {
        "run": summary.run.id,
        "preset": escape(summary.preset),
        "outcome": coloured(summary.outcome),
        "bits/byte": "-" if bits is None else f"{bits:.4f}",
        "ran": str(summary.counts["executed"] + summary.counts["failed"]),
        "cached": str(summary.counts["cached"]),
        "seconds": "-" if summary.seconds is None else f"{summary.seconds:.1f}",
        "texts": short_fingerprint(summary.fingerprint),
        "revision": short_revision(summary.run.noted.get("revision")),
        "why": escape(_why(summary)),
    }


def coloured(outcome: str) -> str:
    """In rich's markup."""
    colour = COLOURS.get(outcome)
    return f"[{colour}]{outcome}[/]" if colour else outcome


def short_fingerprint(fingerprint: str | None) -> str:
    """The first digits of the hash over all texts."""
    return fingerprint.rpartition("sha256:")[2][:SHORT] if fingerprint else "-"


def short_revision(revision: str | None) -> str:
    """The first digits, and whether files differed from it."""
    return "-" if not revision else revision[:SHORT] + ("+" if revision.endswith("+") else "")


def _why(summary: Summary) -> str:
    forced = [f"forced: {summary.forced}"] if summary.forced else []
    return "; ".join([*forced, *summary.refused]) or _first_line(summary.error)


def _first_line(text: str | None) -> str:
    return text.splitlines()[0] if text else ""


def show_detail(console: Console, found: Detail) -> None:
    """What the list says of a run, its nodes, and the end of the log of one that failed."""
    facts = found.summary.as_json()
    rows = plain("", "")
    rows.show_header = False
    for name, value in facts.items():
        rows.add_row(name, escape(in_words(value)))
    console.print(rows)
    nodes = plain("node", "state", "seconds", "outputs", "why", title="\nNodes")
    for each in found.nodes:
        made = ", ".join(f"{name} {item.id}" for name, item in each.node.outputs.items())
        why = escape("\n".join(each.why))
        nodes.add_row(each.node.id, each.node.state, f"{each.node.seconds:.1f}", made, why)
    console.print(nodes)
    if found.changed:
        console.print("\nIn the texts, since the run before")
        say_lines(console, found.changed)
    if found.log_tail:
        console.print("\nThe log's end")
        say_lines(console, found.log_tail)


def show_comparison(console: Console, found: Comparison) -> None:
    """Side by side: outcome, code, configuration, texts, metrics, samples."""
    first, second = found.first, found.second
    outcome = [Difference("outcome", first.outcome, second.outcome)]
    reasons = ("; ".join(each.refused) or None for each in (first, second))
    refused = [Difference("why", *reasons)]
    tables = {
        "Outcome": outcome + (refused if first.refused or second.refused else []),
        "Code": found.code,
        "Configuration": found.config,
        "Metrics": found.metrics,
        "Samples": found.samples,
    }
    for title, rows in tables.items():
        if not rows:
            console.print(f"\n{title}: {'none kept' if title == 'Samples' else 'the same'}")
            continue
        table = plain("", first.run.id, second.run.id, title=f"\n{title}")
        for row in rows:
            table.add_row(row.what, *map(escape, _sides(row, is_whole=title in WHOLE)))
        console.print(table)
    console.print("\nTexts" if found.texts else "\nTexts: the same")
    say_lines(console, found.texts)


def _sides(row: Difference, is_whole: bool) -> tuple[str, str]:
    """What a run has, and the other."""
    first, second = (
        f"{value:.6g}" if isinstance(value, float) else value for value in (row.first, row.second)
    )
    if not is_whole:
        return shown_apart(first, second)
    one, two = ("-" if value is None else str(value) for value in (first, second))
    return one, "(the same)" if row.what != "outcome" and one == two else two
