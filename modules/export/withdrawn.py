"""Models that were taken back: a note for each in ``.withdrawn`` beside the versions.

A run that finds such a model in its cache must not push it again, nor hold a new one against it.
TensorFlow Serving passes over names that are no numbers.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

FOLDER = ".withdrawn"
UNREADABLE = "its note cannot be read"


class Withdrawal(NamedTuple):
    """Who took back a model, when (ISO 8601), why, and which version it was."""

    model_id: str
    version: int
    by: str
    at: str
    reason: str

    def __str__(self) -> str:
        return f"withdrawn by {self.by}, {self.at}: {self.reason}"


def withdraw(serving_folder: Path, withdrawal: Withdrawal) -> None:
    """Leaves the note, whole or not at all; one that is there is replaced."""
    path = _path(serving_folder, withdrawal.model_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(withdrawal._asdict()) + "\n", encoding="utf-8")
    os.replace(partial, path)


def lift(serving_folder: Path, model_id: str) -> None:
    """Takes the note away, if there is one, and the folder with the last."""
    path = _path(serving_folder, model_id)
    path.unlink(missing_ok=True)
    with suppress(OSError):  # there are others, or there was none
        path.parent.rmdir()


def withdrawal_of(serving_folder: Path, model_id: str) -> Withdrawal | None:
    """The note about a model; None where it was not withdrawn. A damaged one counts."""
    try:
        content = _path(serving_folder, model_id).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        return Withdrawal(**json.loads(content))
    except (ValueError, TypeError):
        return Withdrawal(model_id, 0, "somebody", "some time", UNREADABLE)


def _path(serving_folder: Path, model_id: str) -> Path:
    return serving_folder / FOLDER / f"{quote(model_id, safe=' ')}.json"
