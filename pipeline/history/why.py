"""Why a node was executed, or was not: which input, parameter or text changed since last time."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from gptfx.pipeline.changes import changed_between, shortened
from gptfx.pipeline.history.values import flat, shown_apart
from gptfx.pipeline.metadata import Metadata
from gptfx.pipeline.records import CACHED, COMPLETE, LIVE, Artifact, NodeRun, Run

FINGERPRINT = "input_fingerprint"
VERSION, REFUSED = "version", "refused"  # what the pusher's driver answered, as a parameter
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
        yield _parameter(name, now.get(name), then.get(name))


def _parameter(name: str, now: Any, then: Any) -> str:
    if name == "code":
        return "its code changed"
    if name == VERSION and now == REFUSED:
        return "a gate refused the model"
    first, second = shown_apart(now, then)
    return f"parameter {name}: {first}; was {second}"


def _examples(node: NodeRun) -> Artifact | None:
    return node.outputs.get("examples")
