"""The sides of the generation benchmark, and the models of random weights that both sides get."""

import hashlib
import math
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple, get_args

sys.path.insert(0, str(Path(__file__).parent))
from harness import FOLDER, Worker, host_python, peer_python, say

from gptfx.components.fingerprint import code_fingerprint
from gptfx.modules.config import Precision

HERE = Path(__file__).parent
EXPORTER = HERE / "export_worker.py"
PEERS = ["torch==2.13.0", "transformers==5.24.0", "numpy"]
WORDS = ["the", "sea", "and", "his", "old", "war", "was", "one"]


class Size(NamedTuple):
    """Of a model, and of what is asked of it.

    Attributes:
      n_layer, n_head, n_embd, block_size: as in ModelConfig.
      tokenizer: its kind.
      count: new tokens of a text.
      repeat: requests of ours that are timed together.
      rounds: how often both sides are timed.
    """

    n_layer: int
    n_head: int
    n_embd: int
    block_size: int
    tokenizer: str
    count: int
    repeat: int
    rounds: int


SIZES = {
    "small": Size(4, 4, 128, 256, "byte", count=128, repeat=5, rounds=9),
    "124m": Size(12, 12, 768, 1024, "gpt2", count=32, repeat=1, rounds=7),
}


PRECISIONS: tuple[Precision, ...] = get_args(Precision)


class Models(NamedTuple):
    """The same model, as each side reads it.

    Attributes:
      exported: by the precision of its weights.
      huggingface: in float32.
    """

    exported: dict[str, Path]
    huggingface: Path

    @classmethod
    def within(cls, folder: Path) -> "Models":
        """Where they lie in a folder."""
        return cls({name: folder / name for name in PRECISIONS}, folder / "huggingface")


def our_side() -> Worker:
    """A process with an exported model in it."""
    return Worker([sys.executable, str(HERE / "generate_worker.py")])


def peer_side(script: str = "transformers_worker.py") -> Worker:
    """A process with transformers in it, or another that needs PyTorch."""
    python = peer_python("transformers", PEERS, host_python())
    return Worker([python, str(HERE / script)], {"HF_HUB_OFFLINE": "1"})


def prompts(batch: int) -> list[str]:
    """Different ones; as long as each other in every tokenizer, so that none must be padded."""
    return [" ".join(WORDS[first:] + WORDS[:first]) for first in range(batch)]


# --- the model ------------------------------------------------------------------------------------


def models(label: str) -> Models:
    """Of a size of `SIZES`; made once, and anew when our code changes."""
    folder = FOLDER / "generate" / label
    made = Models.within(folder)
    stamp, now = folder / "made-by", f"{code_fingerprint('modules', 'data')} {_own_fingerprint()}"
    if not stamp.exists() or stamp.read_text() != now:
        shutil.rmtree(folder, ignore_errors=True)
        say(f"making and exporting a model, {label}")
        with Worker([sys.executable, str(EXPORTER)]) as worker:
            worker.ask(size=SIZES[label], folder=str(folder))
        stamp.write_text(now)
    return made


def _own_fingerprint() -> str:
    sources = Path(__file__).read_bytes() + EXPORTER.read_bytes()
    return hashlib.sha256(sources).hexdigest()[:16]


def ids_of(models: Models, texts: list[str]) -> list[list[int]]:
    """What the peer is given."""
    tokenizer = _tokenizer(models)
    return [tokenizer.encode(text.encode()) for text in texts]


def texts_of(models: Models, ids: list[list[int]]) -> list[str]:
    """What the peer said."""
    pieces = _tokenizer(models).token_bytes
    return [b"".join(pieces[each] for each in row).decode(errors="replace") for row in ids]


def _tokenizer(models: Models) -> Any:
    from gptfx.modules.tokenizers.tokenizer import Tokenizer

    return Tokenizer.load(models.exported["float32"] / "assets.extra")


def bytes_a_token(models: Models) -> int:
    """Of float32 weights that a token needs: all, but of the embeddings' tables one row each.

    GPT-2's token table is read whole all the same: it is the output table, too.
    """
    from safetensors import safe_open

    with safe_open(models.huggingface / "model.safetensors", framework="numpy") as tensors:
        shapes = {name: tensors.get_slice(name).get_shape() for name in tensors.keys()}  # noqa: SIM118
    _, width = shapes.pop("transformer.wpe.weight")
    return 4 * (sum(map(math.prod, shapes.values())) + 2 * width)
