"""The serving folder: one model, a folder a version, as TensorFlow Serving reads it."""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from gptfx.data.errors import InputError
from gptfx.modules.export.card import CARD_PATH, CONTRACT, read_card

GRAPH = "saved_model.pb"
NO_PAGES: Mapping[str, bytes] = MappingProxyType({})
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
        card = read_card(folder) if (folder / GRAPH).exists() else None
        if folder.name.isdecimal() and card:
            found.append(Version(int(folder.name), folder, card))
    return sorted(found, key=lambda version: version.number)


def require_model(folder: Path) -> dict[str, Any]:
    """The card of a model that can be asked, as far as is known before TensorFlow is imported.

    Raises InputError for a folder without a model, without a card, or with another contract.
    """
    if not (folder / GRAPH).is_file():
        inside = [str(version.folder) for version in versions(folder)]
        remedy = " or ".join([f"name a folder that holds {GRAPH}", *inside[-1:]])
        raise InputError("no model to load", str(folder), remedy)
    card, remedy = read_card(folder), "name another model, or make it again"
    if card is None:
        raise InputError("a model without a card that can be read", str(folder / CARD_PATH), remedy)
    if card.get("contract") != CONTRACT:
        problem = f"the model's contract is not {CONTRACT}"
        raise InputError(problem, f"{card.get('contract')} in {folder / CARD_PATH}", remedy)
    return card


def next_number(known: list[Version]) -> int:
    """Seconds since 1970, as TFX numbers versions, or one more than the last."""
    return max([int(time.time()), *(version.number + 1 for version in known)])


def lay_down(
    source: Path,
    target: Path,
    copy: Callable[[str, str], object] = shutil.copy2,
    pages: Mapping[str, bytes] = NO_PAGES,
) -> None:
    """Copies the folder `source` to `target`, which appears at once, with pages about the model, by
    name, in its ``assets.extra``; a target that is there stays.

    A copy is made beside its place and renamed there: readers see it whole or not at all.
    """
    if target.exists():
        return
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # what a killed push left
    shutil.copytree(source, partial, copy_function=copy)
    for name, content in pages.items():
        page = partial / CARD_PATH.parent / name
        page.unlink(missing_ok=True)  # it may be another version's, too
        page.write_bytes(content)
    partial.rename(target)


def link_or_copy(source: str, target: str) -> None:
    """For `lay_down`, from a version to another: no byte is written twice where links are known."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
