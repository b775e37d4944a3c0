"""A run in a line: when, of what, how it ended, what came of it."""

import json
import os
import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gptfx.pipeline.doctor.folders import is_held
from gptfx.pipeline.history.derived import count, derive, state_of
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.records import COMPLETE, RUNNING, Run
from gptfx.pipeline.times import iso

KILLED, STOPPED = "killed", "stopped"  # by nobody knows whom, and by Ctrl-C
REFUSED, PUSHED, UNCHANGED = "refused", "pushed", "unchanged"
PREFIX = "gptfx-"  # of a pipeline's name, before that of its preset


@dataclass(frozen=True)
class Summary:
    """A run, as ``gptfx runs list --json`` gives it.

    Attributes:
      run: as the metadata has it; its nodes only where they were asked for.
      state: `complete`, `failed`, `stopped` (by Ctrl-C or SIGTERM), `killed` or `running`.
      ended: seconds since 1970; None where nobody noted it.
      counts: how many nodes were executed, cached, and failed.
      fingerprint: of the texts; None where they were not read.
      metrics: of the model over the whole eval split.
      blessed: what all gates said together; None where the run did not come so far.
      pushed: whether the run made a new version.
      model_dir: the folder of the model that was the newest after the run.
      refused: why nothing was pushed, or only by force, a line each.
      error: of a run that failed; the node in which one was killed or stopped.
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


def summarize(run: Run) -> Summary:
    """Of the run's notes, and of its nodes where there are no notes."""
    noted, made = run.noted, derive(run.nodes)
    state = str(noted.get("state") or state_of(run.nodes))
    if state == RUNNING and noted and not _is_under_way(noted):
        state = KILLED
    last = max((node.started + node.seconds for node in run.nodes), default=None)
    is_told = "blessed" in noted
    return Summary(
        _ended(run, state) if noted and state != RUNNING else run,
        state,
        noted.get("ended") or (None if state in (RUNNING, KILLED) else last),
        json.loads(noted["nodes"]) if "nodes" in noted else count(run.nodes),
        noted.get("fingerprint") or made["fingerprint"],
        json.loads(noted["metrics"]) if "metrics" in noted else made["metrics"],
        bool(noted["blessed"]) if is_told else made["blessed"],
        bool(noted.get("pushed")) if is_told else made["pushed"],
        noted.get("model_dir") or made["model_dir"],
        json.loads(noted["refused"]) if "refused" in noted else made["refused"],
        _place(run, state) if state in (KILLED, STOPPED) else noted.get("error"),
    )


def _ended(run: Run, state: str) -> Run:
    """Of a run that is over no node is at work; nobody noted how that one ended."""
    over = [replace(node, state=state) if node.state == RUNNING else node for node in run.nodes]
    return replace(run, nodes=tuple(over))


def _place(run: Run, state: str) -> str:
    """Where a run was that did not come to its end."""
    if node := run.noted.get("node"):
        return f"{state} in node {node}"
    if not run.nodes:
        return f"{state} before its first node"
    last = run.nodes[-1]
    return f"{state} {'in' if last.state == RUNNING else 'after'} node {last.id}"


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
