"""What came of a run, by its exit code and its words, and whether trying again may help."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gptfx.pipeline.lock import BUSY
from gptfx.pipeline.schedule.history import INTERRUPTED
from gptfx.pipeline.schedule.process import TIMED_OUT

BAD_INPUT, SIGNALLED = 2, 128  # exit codes; the second plus a signal's number
TEXTS_UNCHANGED = "skipped: texts unchanged"
LONGEST_REASON = 1000
# Of bad input, what may be otherwise in a while: the network, a disk, a text that is late.
PASSING = (
    "cannot be reached|could not be fetched|no answer|no job service|the disk is full"
    "|No space left|is not there|neither the name of a corpus nor an existing path"
    "|holds no files|no file matches the pattern|cannot be read:|the corpus is empty"
)


@dataclass(frozen=True)
class Verdict:
    """What came of a run.

    Attributes:
      outcome: in a word or two, as the history has it.
      reason: why, where that is a question.
      may_pass: whether the same run may end otherwise.
      is_busy: whether it did not begin, as another run was under way in the root.
      run_id: the run's name in ML Metadata.
      result: `model_dir` and `metrics`.
      texts: what it was made from, as a fingerprint.
    """

    outcome: str
    reason: str | None = None
    may_pass: bool = False
    is_busy: bool = False
    run_id: str | None = None
    result: Mapping[str, Any] | None = None
    texts: str | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The columns of the history that it fills."""
        names = ("outcome", "reason", "run_id", "result", "texts")
        return {name: getattr(self, name) for name in names}


def judge(
    said: Mapping[str, Any], words: str, code: int | None, asked: str | None, first_start: float
) -> Verdict:
    """The verdict on a run that has ended.

    Args:
      said: what it said in JSON, and
      words: to a person, at the end.
      code: its exit code; None where nobody saw it end.
      asked: why it was told to stop, if it was.
      first_start: when the first attempt at it began. A model pushed since is this run's, also if
        the attempt that pushed it did not live to say so.
    """
    known = {"run_id": said.get("run_id"), "texts": said.get("texts")}
    if said.get("skipped"):
        return Verdict(TEXTS_UNCHANGED, **known)
    if "blessed" in said and not said.get("error"):
        return Verdict(**_finished(said, first_start), **known)
    if asked == TIMED_OUT:
        return Verdict(TIMED_OUT, "it was stopped when its time was over", True, **known)
    if asked or code is None:
        reason = "the scheduler was stopped" if asked else "the scheduler ended under it"
        return Verdict(INTERRUPTED, reason, **known)
    told = "" if code > SIGNALLED else words or str(said.get("error") or "")
    reason = (told or _ended(code))[:LONGEST_REASON]
    if code == BAD_INPUT:
        return Verdict("failed", reason, _may_pass(reason), reason.startswith(BUSY), **known)
    return Verdict("failed", reason, True, **known)


def _finished(said: Mapping[str, Any], first_start: float) -> dict[str, Any]:
    folder = said.get("model_dir")
    result = {"model_dir": folder, "metrics": said.get("metrics") or {}}
    if not said.get("forced") and (not said["blessed"] or said.get("refused")):
        refused = "; ".join(map(str, said.get("refused") or ["the gates did not bless the model"]))
        return {"outcome": "refused", "reason": refused[:LONGEST_REASON], "result": result}
    if said.get("pushed"):
        return {"outcome": "pushed", "result": result}
    if folder and _pushed_at(str(folder)) >= int(first_start):
        return {"outcome": "pushed", "reason": "by the attempt before", "result": result}
    return {"outcome": "unchanged", "result": result}


def _pushed_at(model_dir: str) -> int:
    """Versions are numbered by the second of their push."""
    name = Path(model_dir).name
    return int(name) if name.isdecimal() else 0


def _may_pass(reason: str) -> bool:
    return re.search(PASSING, reason) is not None


def _ended(code: int) -> str:
    if code > SIGNALLED:
        return f"it was ended by signal {code - SIGNALLED}"
    return f"it ended with exit code {code} and no word"
