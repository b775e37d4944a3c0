"""Why a node was executed, or was not: which input, parameter or text changed since last time."""

import json
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

from gptfx.pipeline.changes import changed_between, shortened
from gptfx.pipeline.metadata import CACHED, COMPLETE, LIVE, Artifact, Metadata, NodeRun, Run

FINGERPRINT = "input_fingerprint"
LONGEST = 60  # characters of a value
FARTHEST = 20  # runs before one
NEVER = "it never ran before"


def why(metadata: Metadata, run: Run, node: NodeRun, earlier_runs: "Earlier") -> list[str]:
    """In words, a line each: of a node of a run that was read with its nodes."""
    if node.state == CACHED:
        return [_origin(metadata, node)]
    before = earlier_runs.with_finished(node.id)
    earlier = before.node(node.id) if before else None
    if earlier is None or before is None:
        return [NEVER]
    differences = [*_inputs(run, node, earlier), *_parameters(node, earlier)]
    if differences:
        return [f"{each} (since run {before.id})" for each in differences[:1]] + differences[1:]
    if run.noted.get("use_cache") == 0:
        return ["the cache was off (--no-cache)"]
    if any(artifact.state != LIVE for artifact in earlier.outputs.values()):
        return ["what it had made was removed"]
    return ["the cache had nothing for it"]


class Earlier:
    """The runs of the same pipeline before one, the newest first, read when they are asked for."""

    def __init__(self, metadata: Metadata, run: Run) -> None:
        older = (
            other
            for other in metadata.runs(run.pipeline)
            if other.started < run.started and other.id != run.id
        )
        self._unread = (metadata.with_nodes(other) for other in islice(older, FARTHEST))
        self._read: list[Run] = []

    def with_finished(self, node_id: str) -> Run | None:
        """The newest in which a node finished; None where it did not in the latest of them."""
        for run in chain(self._read, self._more()):
            node = run.node(node_id)
            if node and node.state in (COMPLETE, CACHED):
                return run
        return None

    def _more(self) -> Iterator[Run]:
        for run in self._unread:
            self._read.append(run)
            yield run


def _origin(metadata: Metadata, node: NodeRun) -> str:
    for makers in metadata.makers(artifact.id for artifact in node.outputs.values()).values():
        if origin := metadata.run_of(makers[0]):
            return f"inputs, parameters and code are those of run {origin}"
    return "inputs, parameters and code are those of an earlier run"


def _inputs(run: Run, node: NodeRun, earlier: NodeRun) -> Iterator[str]:
    makers = {artifact.id: other.id for other in run.nodes for artifact in other.outputs.values()}
    for name in sorted(node.inputs.keys() | earlier.inputs.keys()):
        now, then = node.inputs.get(name), earlier.inputs.get(name)
        if now is None or then is None:
            yield f"input {name}: {'gone' if now is None else 'new'}"
        elif now.id != then.id:
            maker = f", made by {makers[now.id]}" if now.id in makers else ""
            yield f"input {name}: artifact {now.id}{maker}; was {then.id}"


def _parameters(node: NodeRun, earlier: NodeRun) -> Iterator[str]:
    now, then = flat(node.parameters), flat(earlier.parameters)
    if now.get(FINGERPRINT) != then.get(FINGERPRINT):
        changes = shortened(changed_between(_examples(earlier), _examples(node)))
        yield from changes or ["the texts changed"]
    for name in sorted(now.keys() | then.keys()):
        if now.get(name) == then.get(name) or name in (FINGERPRINT, "span"):
            continue
        if name == "code":
            yield "its code changed"
        else:
            yield f"parameter {name}: {shown(now.get(name))}; was {shown(then.get(name))}"


def _examples(node: NodeRun) -> Artifact | None:
    return node.outputs.get("examples")


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings, JSON in strings included, as one of dotted names.

    >>> flat({"a": {"b": 1}, "c": '{"d": [2]}'})
    {'a.b': 1, 'c.d': [2]}
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        inner = _parsed(value)
        if isinstance(inner, dict) and inner:
            found |= flat(inner, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = inner
    return found


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def shown(value: Any) -> str:
    """A value in a table, not longer than a reader reads."""
    if value is None:
        return "-"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
