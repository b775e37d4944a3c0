"""What a model's folder says about it: ``assets.extra/gptfx.json``, read without TensorFlow."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from gptfx.data.errors import InputError
from gptfx.modules.tokenizers.tokenizer import Tokenizer

CARD_PATH = Path("assets.extra") / "gptfx.json"  # TF Serving leaves assets.extra alone
CARD_FORMAT = "gptfx.model/1"
CONTRACT = "gptfx.signatures/1"  # see ``saved_model.py``
PASSAGE_BYTES = "passage_bytes"  # how long a passage was at most of what the model was judged by


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Writes the card into a SavedModel's folder."""
    path = folder / CARD_PATH
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(card, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def tokenizer_card(tokenizer: Tokenizer) -> dict[str, Any]:
    """What a card says of a model's tokenizer."""
    return {
        "kind": tokenizer.kind,
        "vocab_size": tokenizer.vocab_size,
        "normalization": tokenizer.normalization,
        "digest": tokenizer.digest,
    }


def read_card(folder: Path) -> dict[str, Any] | None:
    """The card of a model's folder; None where there is none or it is no card of ours."""
    try:
        card = json.loads((folder / CARD_PATH).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return card if isinstance(card, dict) and card.get("format") == CARD_FORMAT else None


def at_most(card: dict[str, Any], bound: str, usual: int) -> int:
    """What is usual, or fewer where a model takes fewer: `largest_batch`, `most_new_tokens`."""
    return min(usual, card.get("generation", {}).get(bound, usual))


def require_packages(folder: Path) -> None:
    """Imports what an exported model's ops come from, before it is loaded.

    Raises InputError for a package that is not installed.
    """
    for package in (read_card(folder) or {}).get("requires", []):
        try:
            import_module(package.replace("-", "_"))
        except ImportError:
            raise InputError(
                f"the model needs the package {package}", str(folder), f"install {package}"
            ) from None
