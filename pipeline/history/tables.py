"""Runs and artifacts as tables for the terminal."""

import json
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gptfx.pipeline.history.detail import Comparison, Detail, Difference
from gptfx.pipeline.history.inside import Facts
from gptfx.pipeline.history.summary import Summary, iso
from gptfx.pipeline.history.why import shown
from gptfx.pipeline.metadata import Artifact

COLOURS = {"pushed": "green", "refused": "yellow", "failed": "red", "killed": "red"}
SHORT = 10  # characters of a hash
MOST_USES = 6  # of an artifact; `--json` lists all
PROPERTIES_NOT_SHOWN = ("is_external", "tfx_version")  # TFX's own, the same everywhere


def plain(*columns: str, title: str | None = None) -> Table:
    """A table without lines."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def runs_table(found: Iterable[Summary]) -> Table:
    """A run a line."""
    table = plain(
        "run", "preset", "outcome", "bits/byte", "nodes", "seconds", "texts", "revision", "why"
    )
    for each in found:
        table.add_row(
            each.run.id,
            escape(each.preset),
            coloured(each.outcome),
            f"{each.metrics['bits_per_byte']:.4f}" if each.metrics else "-",
            "{executed} + {cached} cached".format(**each.counts),
            "-" if each.seconds is None else f"{each.seconds:.1f}",
            short_fingerprint(each.fingerprint),
            short_revision(each.run.noted.get("revision")),
            escape(_why(each)),
        )
    return table


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
        rows.add_row(name, escape(_in_words(value)))
    console.print(rows)
    nodes = plain("node", "state", "seconds", "outputs", "why", title="\nNodes")
    for each in found.nodes:
        made = ", ".join(f"{name} {item.id}" for name, item in each.node.outputs.items())
        why = escape("\n".join(each.why))
        nodes.add_row(each.node.id, each.node.state, f"{each.node.seconds:.1f}", made, why)
    console.print(nodes)
    if found.changed:
        console.print("\nIn the texts, since the run before")
        _lines(console, found.changed)
    if found.log_tail:
        console.print("\nThe log's end")
        _lines(console, found.log_tail)


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_in_words(inner)}" for name, inner in value.items()) or "-"
    if isinstance(value, list):
        return "; ".join(str(each) for each in value) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else "-" if value is None else str(value)


def _lines(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(f"  {escape(line)}", soft_wrap=True)


def show_comparison(console: Console, found: Comparison) -> None:
    """Side by side: outcome, code, configuration, texts, metrics, samples."""
    first, second = found.first, found.second
    outcome = [Difference("outcome", first.outcome, second.outcome)]
    refused = [Difference("why", "; ".join(first.refused), "; ".join(second.refused))]
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
            table.add_row(row.what, *(escape(_side(value, title)) for value in row[1:]))
        console.print(table)
    console.print("\nTexts" if found.texts else "\nTexts: the same")
    _lines(console, found.texts)


def _side(value: Any, title: str) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value) if title in ("Samples", "Outcome") else shown(value)


def artifacts_table(found: Iterable[tuple[Artifact, int | None]]) -> Table:
    """An artifact a line, with its size."""
    table = plain("id", "type", "made", "bytes", "state", "uri")
    for artifact, size in found:
        table.add_row(
            str(artifact.id),
            artifact.type,
            iso(artifact.created),
            "-" if size is None else f"{size:,}",
            artifact.state,
            escape(artifact.uri),
        )
    return table


def show_artifact(console: Console, facts: Facts, inside: Facts | None) -> None:
    """Its own facts, its properties, and what is in it."""
    rows = plain("", "")
    rows.show_header = False
    for name, value in facts.items():
        if name != "properties":
            rows.add_row(name, escape(_in_words(_first(value))))
    for name, value in facts["properties"].items():
        if name not in PROPERTIES_NOT_SHOWN:
            rows.add_row(f"  {name}", escape(_in_words(value)))
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
    elif isinstance(value, dict):
        console.print(f"{name}: {escape(json.dumps(value, ensure_ascii=False))}", soft_wrap=True)
    else:
        console.print(f"{name}: {escape(_in_words(value))}", soft_wrap=True)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        line = value.replace("\n", "\\n")
        return line if line == line.strip() else f"'{line}'"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
