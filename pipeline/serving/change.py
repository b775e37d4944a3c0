"""A model becomes the newest version by hand: by a rollback, or by a promotion."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gptfx.components.model_card.verdict import Force, forced
from gptfx.modules.export.versions import (
    NO_PAGES,
    lay_down,
    link_or_copy,
    next_number,
    versions,
)
from gptfx.modules.export.withdrawn import Withdrawal, lift, withdraw
from gptfx.pipeline.records import NodeRun
from gptfx.pipeline.run_record import user
from gptfx.pipeline.serving.desk import Desk
from gptfx.pipeline.serving.record import DESTINATION, IN_RUN, MODEL, PROMOTION, SERVING, VERSION
from gptfx.pipeline.times import now


@dataclass(frozen=True)
class Change:
    """What is to be done, and by whom, when and why.

    Attributes:
      kind: ROLLBACK or PROMOTION.
      serving: the folder with the versions.
      source: where the model lies.
      model_id: its own id.
      model: the number of its artifact; None where the metadata know none.
      reason: in one line.
      refused: why the gates had refused it, a line each; then it is pushed by force.
      withdraws: the model that readers are to have no more.
      pages: of the model's card, by name.
      in_run: the run that does it, if one does.
    """

    kind: str
    serving: Path
    source: Path
    model_id: str
    model: int | None
    reason: str
    refused: tuple[str, ...] = ()
    withdraws: str | None = None
    pages: Mapping[str, bytes] = NO_PAGES
    in_run: str | None = None
    by: str = field(default_factory=user)
    at: str = field(default_factory=now)

    @property
    def told_pages(self) -> Mapping[str, bytes]:
        """The pages; of a model that is pushed by force, they say so."""
        if not self.refused:
            return self.pages
        return forced(self.pages, self.refused, Force(self.by, self.at, self.reason))


def make(desk: Desk, change: Change) -> "Changed":
    """Lays the model down as a new version; nothing is moved or removed, so that who reads another
    version goes on. What a kill leaves at each step stands in ``mending.py``.
    """
    known = versions(change.serving)
    facts = _facts(change, next_number(known), known[-1].number if known else None)
    entry = desk.record.begin(change.kind, facts)
    if change.withdraws:
        note = (known[-1].number, change.by, change.at, change.reason)
        withdraw(change.serving, Withdrawal(change.withdraws, *note))
    is_version = change.source.parent == change.serving
    copy = link_or_copy if is_version else shutil.copy2
    lay_down(change.source, Path(facts[DESTINATION]), copy, change.told_pages)
    if change.kind == PROMOTION:
        lift(change.serving, change.model_id)
    desk.record.end(entry)
    return Changed.of(facts)


def _facts(change: Change, number: int, newest: int | None) -> dict[str, Any]:
    return {
        SERVING: str(change.serving),
        VERSION: str(number),
        DESTINATION: str(change.serving / str(number)),
        "source": str(change.source),
        "from_version": None if newest is None else str(newest),
        "model_id": change.model_id,
        MODEL: change.model,
        "withdraws": change.withdraws,
        "by": change.by,
        "at": change.at,
        "reason": change.reason,
        "forced": bool(change.refused),
        IN_RUN: change.in_run,
    }


@dataclass(frozen=True)
class Changed:
    """What was done; `mended` where a killed command had done it but for the record."""

    version: str
    folder: Path
    from_version: str | None
    model_id: str
    by: str
    at: str
    reason: str
    forced: bool
    mended: bool

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Changed":
        """Of the facts that were recorded."""
        same = {name: facts[name] for name in ("model_id", "by", "at", "reason")}
        return cls(
            version=facts[VERSION],
            folder=Path(facts[DESTINATION]),
            from_version=facts.get("from_version"),
            forced=bool(facts["forced"]),
            mended=False,
            **same,
        )

    def as_json(self) -> dict[str, Any]:
        """For ``--json``; the keys stay."""
        return {
            "version": self.version,
            "preset": self.folder.parent.name,
            "model_dir": str(self.folder),
            "from_version": self.from_version,
            "model_id": self.model_id,
            "by": self.by,
            "at": self.at,
            "reason": self.reason,
            "forced": self.reason if self.forced else None,
            "mended": self.mended,
        }


def mended(entry: NodeRun) -> Changed:
    """What a killed command did, of the entry that this one finished."""
    return Changed(**{**vars(Changed.of(entry.parameters)), "mended": True})
