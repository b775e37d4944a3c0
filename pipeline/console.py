"""What a person sees of a run: a line a node, a bar while it trains, the gates, a sample."""

import logging
import time
from collections.abc import Iterable
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gptfx.components.evaluator.checks import Check
from gptfx.components.evaluator.evaluation import OVERALL, Evaluation, Metrics, by_corpus
from gptfx.pipeline.progress_view import WIDTH, ProgressView
from gptfx.pipeline.records import NodeRun
from gptfx.pipeline.result import Result, Validation

# LocalDagRunner's log messages around a node.
STARTED, FINISHED = "Component %s is running.", "Component %s is finished."
CACHE_USED = "A cached execution %d is used."
WHAT = {
    "ingest": "text files to tf.Examples",
    "statistics": "statistics of the examples",
    "schema": "the curated schema",
    "validator": "examples against the schema",
    "data-gate": "are the data fit to learn from?",
    "tokenizer": "learning how text becomes tokens",
    "transform": "text to tokens, in the graph",
    "bigram": "the baseline: a bigram model",
    "tuner": "looking for rate, width and depth",
    "trainer": "training the model",
    "evaluator": "gate: bits per byte, and the bigram",
    "last-blessed": "looking for the last blessed model",
    "regression": "gate: against the last blessed model",
    "infra-validator": "gate: does it answer in a new process?",
    "model-card": "what there is to say of the model",
    "pusher": "pushing what passed every gate",
    "bulk-ingest": "texts to score to tf.Examples",
    "bulk-inferrer": "asking the model about them",
    "bulk-scorer": "adding up what it said",
}
VERDICTS = {True: "[green]passed[/]", False: "[red]refused[/]"}
MOST_SOURCES = 12  # rows of the table; `gptfx run --json` lists every source


class RunView(ProgressView):
    """Listens to the log records of a run and draws them."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.node: str | None = None
        self.started, self.cached = 0.0, False

    def emit(self, record: logging.LogRecord) -> None:
        """Draws the records that say something to a person."""
        if record.msg == STARTED:
            self._start(str(record.args[0]))
        elif record.msg == CACHE_USED:
            self.cached = True
        elif record.msg == FINISHED:
            self.finish("[dim]cached[/]" if self.cached else "[green]done[/]")
        else:
            super().emit(record)

    def _start(self, node: str) -> None:
        self.node, self.started, self.cached = node, time.monotonic(), False
        self.open_bar(node, WHAT.get(node, ""))

    def _notice(self, text: str) -> None:
        self.console.print(f"    {self.node}: {escape(text)}", soft_wrap=True)

    def finish(self, state: str) -> None:
        """Closes the present node's line with a state in words."""
        self.close_bar()
        if self.node:
            seconds = time.monotonic() - self.started
            what = WHAT.get(self.node, "")
            self.console.print(f"  {self.node:<{WIDTH}} {what:<38} {state:<6} {seconds:7.1f} s")
        self.node = None

    def say_changes(self, changes: Iterable[str]) -> None:
        """Which texts are not as they were in the run before."""
        for index, change in enumerate(changes):
            if not index:
                self.say("  Since the run before, in the texts:")
            self.say(f"    {change}")


def show_result(console: Console, result: Result) -> None:
    """The table of sources, that of gates, and that of texts that were only scored."""
    console.print(sources_table(result.evaluation))
    console.print(checks_table(result.checks, result.validation))
    if result.scores is not None:
        console.print(scores_table(result.scores))


def sources_table(evaluation: Evaluation) -> Table:
    """Metrics of each source, or of each corpus where the sources would fill the screen."""
    candidate, baseline = evaluation.candidate, evaluation.baseline
    crowded = len(candidate) > MOST_SOURCES
    if crowded:
        candidate, baseline = by_corpus(candidate), by_corpus(baseline)
    table = Table(title="On the eval split", title_justify="left", box=None, pad_edge=False)
    table.add_column("corpus" if crowded else "source")
    for name in ("bits/byte", "bigram", "perplexity", "token accuracy", "bytes"):
        table.add_column(name, justify="right")
    for source in sorted(candidate, key=lambda name: (name == OVERALL, name)):
        values = candidate[source]
        bigram = baseline.get(source, {}).get("bits_per_byte")
        table.add_row(
            escape(source) or "[bold]all[/]",
            f"{values['bits_per_byte']:.3f}",
            f"{bigram:.3f}" if bigram is not None else "-",
            f"{values['perplexity']:.1f}",
            f"{values['token_accuracy']:.3f}",
            f"{values['bytes']:,.0f}",
        )
    return table


def checks_table(checks: Iterable[Check], validation: Validation | None = None) -> Table:
    """Every bound with the value and the verdict, and whether the model answers."""
    table = Table(title="Gates", title_justify="left", box=None, pad_edge=False)
    for name in ("gate", "metric"):
        table.add_column(name)
    for name in ("value", "at most"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for check in checks:
        value, bound = f"{check.value:.4f}", f"{check.bound:.4f}"
        table.add_row(check.gate, check.metric, value, bound, VERDICTS[check.passed])
    if validation:
        taken = validation.first_request_seconds
        seconds = "none" if taken is None else f"{taken:.1f} s"
        verdict = VERDICTS[validation.blessed]
        table.add_row("answers in a new process", "first request", seconds, "-", verdict)
    return table


def scores_table(scores: Metrics) -> Table:
    """Metrics of the texts that the model was only asked about; none where it was not blessed."""
    title = "Texts that were only scored" if scores else "No text was scored: the gate refused"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("corpus")
    for name in ("bits/byte", "perplexity", "token accuracy", "bytes"):
        table.add_column(name, justify="right")
    for corpus, values in scores.items():
        table.add_row(
            escape(corpus),
            f"{values['bits_per_byte']:.3f}",
            f"{values['perplexity']:.1f}",
            f"{values['token_accuracy']:.3f}",
            f"{values['bytes']:,.0f}",
        )
    return table


def count_cached(nodes: Iterable[NodeRun]) -> tuple[int, int]:
    """(nodes from the cache, nodes)."""
    listed = list(nodes)
    return sum(node.is_cached for node in listed), len(listed)
