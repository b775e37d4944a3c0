"""The folder of a training without a pipeline: checkpoints while it runs, then model and curves."""

import hashlib
import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from gptfx.modules.export.card import PASSAGE_BYTES, tokenizer_card
from gptfx.modules.export.saved_model import export
from gptfx.modules.export.serving_model import ServingModel
from gptfx.modules.export.versions import LINEAGE
from gptfx.modules.language_model import LanguageModel
from gptfx.modules.training.cluster import is_chief
from gptfx.modules.training.curves import PICTURE, POINTS
from gptfx.modules.training.loop import Watch
from gptfx.modules.training.origin import content_digest
from gptfx.pipeline.config import Config
from gptfx.pipeline.training import Data

MODEL, CHECKPOINTS = "model", "checkpoints"  # folders below it
EVENTS = "events.out.tfevents.*"  # TensorBoard's


def watch(config: Config, data: Data, out: Path) -> Watch:
    """Curves into `out`, where those of the training before go: one that goes on writes all of its
    points again. Checkpoints into a folder below it."""
    old = [out / PICTURE, out / POINTS, *out.glob(EVENTS)] if is_chief() else []
    for path in old:
        path.unlink(missing_ok=True)
    checkpoints = out / CHECKPOINTS / _digest(config, data)
    return Watch(out, checkpoints, data.validation.ids, data.sizes)


def _digest(config: Config, data: Data) -> str:
    """What a checkpoint belongs to: configuration, tokenizer and tokens."""
    said = [settings(config), config.trainer.model_dump(), data.tokenizer.digest]
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    digest.update(hashlib.sha256(np.ascontiguousarray(data.train.ids)).digest())
    return digest.hexdigest()[:16]


def last_checkpoint(folder: Path) -> int:
    """The step of the last one; 0 where there is none."""
    path = tf.train.latest_checkpoint(str(folder))
    return int(path.rpartition("-")[2]) if path else 0


def forget_checkpoints(folder: Path) -> None:
    """Of a training that has ended; those of others stay."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # there are others
        folder.parent.rmdir()


def save(
    config: Config, data: Data, model: LanguageModel, names: list[str], out: Path
) -> ServingModel:
    """Exports to the folder `model` in `out`, in place of the one before; returns what was."""
    serving = ServingModel(data.tokenizer, model, config.generation)
    new = out / f".{MODEL}"
    shutil.rmtree(new, ignore_errors=True)  # of a run that was killed
    export(serving, new, card(config, data, names))
    shutil.rmtree(out / MODEL, ignore_errors=True)
    new.rename(out / MODEL)
    return serving


def settings(config: Config) -> dict[str, Any]:
    """What the model depends on beside the texts; nothing of it is a place on this machine."""
    content = {
        "model": config.model.model_dump(),
        "generation": config.generation.model_dump(),
        PASSAGE_BYTES: config.data.passage_bytes,
    }
    if config.model.kind == "bigram":
        return {**content, "bigram": config.bigram.model_dump()}
    trainer = config.trainer.model_dump()
    if config.trainer.init_from:
        trainer["init_from"] = f"sha256:{content_digest(Path(config.trainer.init_from))}"
    return {**content, "trainer": trainer, "weights": config.data.weights}


def card(config: Config, data: Data, names: list[str]) -> dict[str, Any]:
    """What the model's folder says of how it was made, as the pipeline's models do."""
    kind = config.tokenizer.kind
    return {
        **settings(config),
        LINEAGE: {"corpora": sorted(names), "tokenizer": kind, "preset": config.preset},
        "tokenizer": tokenizer_card(data.tokenizer.source),
        "train_tokens": len(data.train.ids),
    }
