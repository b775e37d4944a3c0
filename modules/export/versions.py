"""The serving folder: one model, a folder a version, as TensorFlow Serving reads it."""

import time
from pathlib import Path
from typing import Any, NamedTuple

from gptfx.modules.export.card import read_card

LINEAGE = "lineage"  # key of the card: what must agree for two models to be compared


class Version(NamedTuple):
    """A pushed version: its number, its folder and its card."""

    number: int
    folder: Path
    card: dict[str, Any]

    @property
    def model_id(self) -> str:
        """The id that the export gave it."""
        return str(self.card["model_id"])


def versions(serving_folder: Path) -> list[Version]:
    """The versions in a serving folder, oldest first; what is not ours is passed over."""
    found = []
    for folder in serving_folder.glob("[0-9]*"):
        card = read_card(folder) if (folder / "saved_model.pb").exists() else None
        if folder.name.isdecimal() and card:
            found.append(Version(int(folder.name), folder, card))
    return sorted(found, key=lambda version: version.number)


def next_number(known: list[Version]) -> int:
    """Seconds since 1970, as TFX numbers versions, or one more than the last."""
    return max([int(time.time()), *(version.number + 1 for version in known)])
