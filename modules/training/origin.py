"""The folder of a model that training starts from, as files; needs no TensorFlow."""

import hashlib
from pathlib import Path

from gptfx.data.archive import sha256_of
from gptfx.data.errors import InputError

HUGGING_FACE = "config.json"  # what such a folder holds beside its safetensors
REMEDY = "name a folder of a GPT-2 with config.json and safetensors, or of a pushed version"


def files_of(folder: Path) -> list[Path]:
    """The files that `start_from` would read. Raises InputError where there are none."""
    hugging_face = (folder / HUGGING_FACE).exists()
    weights = folder.glob("*.safetensors") if hugging_face else folder.rglob("*")
    files = sorted(path for path in [folder / HUGGING_FACE, *weights] if path.is_file())
    if not files:
        raise InputError("there is no model to start from", str(folder), REMEDY)
    return files


def content_digest(folder: Path) -> str:
    """Hash of these files. Raises InputError where there are none."""
    digest = hashlib.sha256()
    for path in files_of(folder):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(bytes.fromhex(sha256_of([path])))
    return digest.hexdigest()[:16]
