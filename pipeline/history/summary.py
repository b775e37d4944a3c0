"""A run in a line: when, of what, how it ended, what came of it."""

import json
import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Any

from gptfx.data.errors import InputError
from gptfx.pipeline.doctor.folders import is_held
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.metadata import CACHED, COMPLETE, FAILED, RUNNING, Metadata, NodeRun, Run

LATEST = "latest"
KILLED, REFUSED, PUSHED, UNCHANGED = "killed", "refused", "pushed", "unchanged"
PREFIX = "gptfx-"  # of a pipeline's name, before that of its preset
AT_ONCE = 50  # runs whose nodes are asked for together


@dataclass(frozen=True)
class Summary:
    """A run, as ``gptfx runs list --json`` gives it.

    Attributes:
      run: as the metadata has it; its nodes only where they were asked for.
      state: `complete`, `failed`, `stopped` (by Ctrl-C), `killed` or `running`.
      ended: seconds since 1970; None where nobody noted it.
      counts: how many nodes were executed, cached, and failed.
      fingerprint: of the texts; None where they were not read.
      metrics: of the model over the whole eval split.
      blessed: what all gates said together; None where the run did not come so far.
      pushed: whether the run made a new version.
      model_dir: the folder of the model that was the newest after the run.
      refused: why nothing was pushed, or only by force, a line each.
      error: of a run that failed.
    """

    run: Run
    state: str
    ended: float | None
    counts: dict[str, int]
    fingerprint: str | None
    metrics: dict[str, float]
    blessed: bool | None
    pushed: bool
    model_dir: str | None
    refused: list[str]
    error: str | None

    @property
    def outcome(self) -> str:
        """`pushed`, `unchanged` or `refused` where the run came to its end; else its state."""
        if self.state != COMPLETE:
            return self.state
        if (self.blessed is False or self.refused) and not self.forced:
            return REFUSED
        return PUSHED if self.pushed else UNCHANGED

    @property
    def forced(self) -> str | None:
        """Why the model was pushed although it was refused; None where it was not."""
        return self.run.noted.get("forced")

    @property
    def preset(self) -> str:
        """The preset's name."""
        return str(self.run.noted.get("preset") or self.run.pipeline.removeprefix(PREFIX))

    @property
    def seconds(self) -> float | None:
        """How long it took, if it ended."""
        return None if self.ended is None else max(0.0, self.ended - self.run.started)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``; the keys stay."""
        noted = self.run.noted
        return {
            "run_id": self.run.id,
            "pipeline": self.run.pipeline,
            "preset": self.preset,
            "state": self.state,
            "outcome": self.outcome,
            "started": iso(self.run.started),
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "gptfx_version": noted.get("gptfx_version"),
            "revision": noted.get("revision"),
            "corpora": self.corpora,
            "fingerprint": self.fingerprint,
            "nodes": self.counts,
            "metrics": self.metrics,
            "blessed": self.blessed,
            "pushed": self.pushed,
            "model_dir": self.model_dir,
            "version": Path(self.model_dir).name if self.model_dir else None,
            "refused": self.refused,
            "forced": self.forced,
            "error": self.error,
            "user": noted.get("user"),
            "host": noted.get("host"),
            "log": noted.get("log"),
        }

    @property
    def corpora(self) -> list[str]:
        """What the configuration called the texts."""
        return list(self.config.get("data", {}).get("corpora", []))

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of the run; empty where nobody noted it."""
        return dict(json.loads(self.run.noted.get("config", "{}")))


def iso(seconds: float) -> str:
    """A time as ISO 8601 has it, with the offset of this machine's zone."""
    found = datetime.fromtimestamp(seconds, timezone.utc).astimezone()
    return found.isoformat(timespec="seconds")


def summaries(
    metadata: Metadata, most: int | None = None, preset: str | None = None
) -> Iterator[Summary]:
    """The newest runs first. Nodes are asked for only where the notes do not tell all."""
    pipeline = f"{PREFIX}{preset}" if preset else None
    runs = islice(metadata.runs(pipeline), most)
    while some := list(islice(runs, AT_ONCE)):
        untold = {run.id for run in some if "nodes" not in run.noted}
        found = metadata.with_all_nodes([run for run in some if run.id in untold])
        told = {run.id: run for run in found}
        yield from (summarize(told.get(run.id, run)) for run in some)


def find_run(metadata: Metadata, name: str) -> Run:
    """A run with its nodes, by its id, the beginning of it, or `latest`.

    Raises InputError where there is none, or are several.
    """
    if name == LATEST:
        for run in metadata.runs():
            return metadata.with_nodes(run)
        raise InputError("there are no runs yet", name, "run `gptfx run` first")
    if run := metadata.run(name):
        return run
    found = [run for run in metadata.runs() if name and run.id.startswith(name)]
    if len(found) == 1:
        return metadata.with_nodes(found[0])
    ids = ", ".join(run.id for run in (found or islice(metadata.runs(), 5)))
    problem = "several runs begin like this" if found else "no such run"
    raise InputError(problem, name, f"name one of: {ids}" if ids else "run `gptfx run` first")


def summarize(run: Run) -> Summary:
    """Of the run's notes, and of its nodes where there are no notes."""
    noted, made = run.noted, derive(run.nodes)
    state = str(noted.get("state") or _state(run.nodes))
    if state == RUNNING and noted and not _is_under_way(noted):
        state = KILLED
    last = max((node.started + node.seconds for node in run.nodes), default=None)
    is_told = "blessed" in noted
    return Summary(
        run,
        state,
        noted.get("ended") or (None if state in (RUNNING, KILLED) else last),
        json.loads(noted["nodes"]) if "nodes" in noted else count(run.nodes),
        noted.get("fingerprint") or made["fingerprint"],
        json.loads(noted["metrics"]) if "metrics" in noted else made["metrics"],
        bool(noted["blessed"]) if is_told else made["blessed"],
        bool(noted.get("pushed")) if is_told else made["pushed"],
        noted.get("model_dir") or made["model_dir"],
        json.loads(noted["refused"]) if "refused" in noted else made["refused"],
        noted.get("error"),
    )


def count(nodes: Iterable[NodeRun]) -> dict[str, int]:
    """How many nodes were executed, cached, failed; one at work is none of these."""
    states = [node.state for node in nodes]
    kinds = {"executed": COMPLETE, "cached": CACHED, "failed": FAILED}
    return {kind: states.count(state) for kind, state in kinds.items()}


def derive(nodes: Iterable[NodeRun]) -> dict[str, Any]:
    """What the artifacts of a run say; of a run on a cluster there is nothing else."""
    found: dict[str, Any] = {
        "fingerprint": None,
        "metrics": {},
        "blessed": None,
        "pushed": False,
        "model_dir": None,
        "refused": [],
    }
    for node in nodes:
        outputs = {name: artifact.properties for name, artifact in node.outputs.items()}
        if node.id == "ingest" and "examples" in outputs:
            found["fingerprint"] = outputs["examples"].get("input_fingerprint")
        if "blessed" in (blessing := outputs.get("blessing", {})):
            found["blessed"] = bool(blessing["blessed"]) and found["blessed"] is not False
            found["refused"] += reasons(blessing)
        if "metrics" in (evaluation := outputs.get("evaluation", {})) and not found["metrics"]:
            found["metrics"] = _named_as_by_runs(json.loads(evaluation["metrics"]))
        if "pushed" in (pushed := outputs.get("pushed_model", {})):
            found["pushed"] = bool(pushed["pushed"]) and not node.is_cached
            found["model_dir"] = pushed.get("pushed_destination")
            found["refused"] += [pushed["withdrawn"]] if "withdrawn" in pushed else []
    return found


def _named_as_by_runs(metrics: dict[str, float]) -> dict[str, float]:
    """The evaluator's baseline is the bigram."""
    return {name.replace("baseline", "bigram"): value for name, value in metrics.items()}


def reasons(blessing: dict[str, Any]) -> list[str]:
    """Why a gate refused, as its executor noted it on its blessing."""
    if blessing["blessed"]:
        return []
    if "refused" in blessing:
        return list(json.loads(blessing["refused"]))
    return [f"infra validation: {blessing['reason']}"] if blessing.get("reason") else []


def _state(nodes: Iterable[NodeRun]) -> str:
    states = {node.state for node in nodes}
    return next((state for state in (FAILED, RUNNING) if state in states), COMPLETE)


def _is_under_way(noted: dict[str, Any]) -> bool:
    """Whether the process of a run is at work still; one on another host may be."""
    if noted.get("host") != socket.gethostname():
        return True
    try:
        os.kill(int(noted["pid"]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return is_held(Layout(Path(noted["root"])).lock)
