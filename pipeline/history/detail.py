"""One run whole: its nodes and why they ran, its configuration, its log's end; two side by side."""

import json
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gptfx.pipeline.changes import changed_between
from gptfx.pipeline.history.summary import KILLED, Summary, summarize
from gptfx.pipeline.history.values import flat
from gptfx.pipeline.history.why import Earlier, why
from gptfx.pipeline.metadata import Metadata
from gptfx.pipeline.records import FAILED, RUNNING, Artifact, NodeRun, Run

TAIL_LINES, TAIL_BYTES = 15, 20_000
CARD_NODE, CARD_FILE = "model-card", "card.json"


class Explained(NamedTuple):
    """A node of a run, and why it was executed or taken from the cache."""

    node: NodeRun
    why: list[str]

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        node = self.node
        return {
            "id": node.id,
            "state": node.state,
            "seconds": round(node.seconds, 3),
            "why": self.why,
            "inputs": {name: artifact.id for name, artifact in node.inputs.items()},
            "outputs": {name: artifact.id for name, artifact in node.outputs.items()},
        }


class Detail(NamedTuple):
    """A run; `log_tail` of one that did not come to its end, else empty."""

    summary: Summary
    nodes: list[Explained]
    changed: list[str]
    log_tail: list[str]

    def as_json(self) -> dict[str, Any]:
        """For ``gptfx runs show --json``: what the list says, and more."""
        return {
            **self.summary.as_json(),
            "node_runs": [node.as_json() for node in self.nodes],
            "changed": self.changed,
            "config": self.summary.config,
            "log_tail": self.log_tail,
        }


def detail(metadata: Metadata, run: Run) -> Detail:
    """Of a run with its nodes."""
    summary = summarize(run)
    run = summary.run
    earlier = Earlier(metadata, run)
    explained = [Explained(node, why(metadata, run, node, earlier)) for node in run.nodes]
    unfinished = summary.state in (FAILED, KILLED, RUNNING)
    tail = log_tail(run.noted.get("log")) if unfinished else []
    return Detail(summary, explained, json.loads(run.noted.get("changed", "[]")), tail)


def log_tail(log: str | None) -> list[str]:
    """The last lines of a run's log; one line that says so, where it is not here."""
    if log is None:
        return ["no log was noted: the cluster keeps those of its pods"]
    try:
        with Path(log).open("rb") as stream:
            stream.seek(max(0, Path(log).stat().st_size - TAIL_BYTES))
            text = stream.read().decode(errors="replace")
    except OSError as error:
        return [f"the log cannot be read: {log}: {error.strerror}"]
    lines = (line.rstrip() for line in text.splitlines())
    return list(deque((line for line in lines if line), TAIL_LINES))


class Difference(NamedTuple):
    """What is not the same in two runs; None where a run has no such thing."""

    what: str
    first: Any
    second: Any


class Comparison(NamedTuple):
    """Two runs side by side."""

    first: Summary
    second: Summary
    code: list[Difference]
    config: list[Difference]
    texts: list[str]
    metrics: list[Difference]
    samples: list[Difference]

    def as_json(self) -> dict[str, Any]:
        """For ``gptfx runs compare --json``."""
        tables = ("code", "config", "metrics", "samples")
        return {
            "runs": [self.first.as_json(), self.second.as_json()],
            "texts": self.texts,
            **{name: [row._asdict() for row in getattr(self, name)] for name in tables},
        }


def compare(first: Run, second: Run) -> Comparison:
    """Of two runs with their nodes. Metrics and samples are all listed, the rest if different."""
    one, two = summarize(first), summarize(second)
    code = _differing(_origin(one), _origin(two))
    config = _differing(flat(one.config), flat(two.config))
    texts = changed_between(_examples(first), _examples(second))
    if not texts and one.fingerprint != two.fingerprint:
        texts = [f"fingerprint {one.fingerprint}, then {two.fingerprint}"]
    metrics, samples = _pairs(one.metrics, two.metrics), _pairs(_samples(first), _samples(second))
    return Comparison(one, two, code, config, texts, metrics, samples)


def _origin(summary: Summary) -> dict[str, Any]:
    found = summary.as_json()
    return {name: found[name] for name in ("gptfx_version", "revision", "preset", "user", "host")}


def _pairs(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Difference]:
    names = [*first, *(name for name in second if name not in first)]
    return [Difference(name, first.get(name), second.get(name)) for name in names]


def _differing(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Difference]:
    return [row for row in _pairs(first, second) if row.first != row.second]


def _examples(run: Run) -> Artifact | None:
    node = run.node("ingest")
    return node.outputs.get("examples") if node else None


def _samples(run: Run) -> dict[str, str]:
    """What the model card of a run holds, by prompt and seed; empty where there is none."""
    node = run.node(CARD_NODE)
    card = node.outputs.get("card") if node else None
    try:
        found = json.loads(Path(card.uri, CARD_FILE).read_text("utf-8")) if card else {}
    except (OSError, ValueError):
        return {}
    return {
        f"{each['prompt']!r}, seed {each['seed']}": each["text"]
        for each in found.get("samples", [])
    }
