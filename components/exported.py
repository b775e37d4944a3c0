"""What a Model artifact of ours holds: the SavedModel and its card."""

from pathlib import Path
from typing import Any

from tfx.types import Artifact
from tfx.utils import path_utils

from gptfx.modules.export.card import read_card


def exported_uri(model: Artifact) -> str:
    """Where a Model artifact keeps its SavedModel."""
    return str(path_utils.serving_model_path(model.uri))


def exported_folder(model: Artifact) -> Path:
    """The same, of an artifact of this machine."""
    return Path(exported_uri(model))


def exported_card(model: Artifact) -> dict[str, Any]:
    """The card of a Model artifact of ours."""
    card = read_card(exported_folder(model))
    if card is None:
        raise ValueError(f"the model at {model.uri} has no card of this version of gptfx")
    return card
