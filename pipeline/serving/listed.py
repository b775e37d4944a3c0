"""The pushed versions of a root, the newest first: what they are, and how they came to be there."""

from dataclasses import dataclass
from typing import Any

from gptfx.modules.export.versions import Version, versions
from gptfx.modules.export.withdrawn import Withdrawal, withdrawal_of
from gptfx.pipeline.history.summary import summarize
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.metadata import Metadata
from gptfx.pipeline.records import Artifact, NodeRun
from gptfx.pipeline.serving.choosing import serving_folders
from gptfx.pipeline.serving.origin import model_of, origins
from gptfx.pipeline.serving.record import IN_RUN, PROMOTION, ROLLBACK
from gptfx.pipeline.times import iso

PUSHED, PROMOTED, ROLLED_BACK, UNKNOWN = "pushed", "promoted", "rolled back", "unknown"
HOW = {PROMOTION: PROMOTED, ROLLBACK: ROLLED_BACK}
EVALUATOR = "evaluator"


@dataclass(frozen=True)
class Listed:
    """A version.

    Attributes:
      version: its number, folder and card.
      how: `pushed` by a run, also by force; `promoted`, `rolled back`; `unknown` to the metadata.
      at: when, ISO 8601.
      by: whom; of a push whoever started the run, None where nobody noted it, as on a cluster.
      reason: of one that came by hand or by force.
      forced: the reason, where a gate had refused it, or a run pushed it although it was withdrawn;
        else None.
      run_id: the run that made the model.
      metrics: of the model over the whole eval split.
      is_served: whether it is the newest of its preset, which servers take.
      withdrawal: who took the model back, if somebody did.
    """

    version: Version
    how: str
    at: str | None
    by: str | None
    reason: str | None
    forced: str | None
    run_id: str | None
    metrics: dict[str, float]
    is_served: bool
    withdrawal: Withdrawal | None

    def as_json(self) -> dict[str, Any]:
        """For ``gptfx models list --json``; the keys stay."""
        return {
            "version": str(self.version.number),
            "preset": self.version.folder.parent.name,
            "model_dir": str(self.version.folder),
            "model_id": self.version.model_id,
            "bits_per_byte": self.metrics.get("bits_per_byte"),
            "metrics": self.metrics,
            "run_id": self.run_id,
            "how": self.how,
            "at": self.at,
            "by": self.by,
            "reason": self.reason,
            "forced": self.forced,
            "served": self.is_served,
            "withdrawn": self.withdrawal._asdict() if self.withdrawal else None,
        }


def listed(metadata: Metadata, layout: Layout, preset: str | None = None) -> list[Listed]:
    """All, or those of a preset; the newest of each preset first.

    Raises InputError where nothing was pushed.
    """
    known, about = origins(metadata), Models(metadata)
    found = []
    for folder in serving_folders(layout, preset):
        *older, newest = versions(folder)
        for version in (newest, *reversed(older)):
            origin = known.get(str(version.folder))
            found.append(_listed(version, origin, about, version is newest))
    return found


def _listed(version: Version, origin: NodeRun | None, about: "Models", is_served: bool) -> Listed:
    told = origin.parameters if origin else {}
    by_hand = origin is not None and origin.id in HOW
    run_id, metrics = about.facts(origin)
    return Listed(
        version,
        how=_how(origin),
        at=told["at"] if by_hand else iso(origin.started) if origin else None,
        by=told["by"] if by_hand else about.user(origin),
        reason=told["reason"] if by_hand else None,
        forced=told["reason"] if by_hand and (told["forced"] or IN_RUN in told) else None,
        run_id=run_id,
        metrics=metrics,
        is_served=is_served,
        withdrawal=withdrawal_of(version.folder.parent, version.model_id),
    )


def _how(origin: NodeRun | None) -> str:
    if origin is None:
        return UNKNOWN
    return PUSHED if IN_RUN in origin.parameters else HOW.get(origin.id, PUSHED)


class Models:
    """What runs noted about models; each is asked about once."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata
        self._known: dict[int, tuple[str | None, dict[str, float]]] = {}

    def facts(self, origin: NodeRun | None) -> tuple[str | None, dict[str, float]]:
        """The run that made the model of a version, and the metrics."""
        model = model_of(self._metadata, origin) if origin else None
        if model is None:
            return None, {}
        if model.id not in self._known:
            self._known[model.id] = (self._made_in(model), self._metrics(model))
        return self._known[model.id]

    def user(self, origin: NodeRun | None) -> str | None:
        """Whoever started the run that pushed a version."""
        run_id = self._metadata.run_of(origin) if origin else None
        run = self._metadata.run_without_nodes(run_id) if run_id else None
        return run.noted.get("user") if run else None

    def _made_in(self, model: Artifact) -> str | None:
        makers = self._metadata.makers([model.id])[model.id]
        return self._metadata.run_of(makers[0]) if makers else None

    def _metrics(self, model: Artifact) -> dict[str, float]:
        """Of the last run that judged it and noted what came of it."""
        judges = self._metadata.takers([model.id])[model.id]
        for node in reversed([each for each in judges if each.id == EVALUATOR]):
            run_id = self._metadata.run_of(node)
            run = self._metadata.run(run_id) if run_id else None
            if run and (metrics := summarize(run).metrics):
                return metrics
        return {}
