"""What an Examples artifact says that it was made from.

Without TensorFlow, so that whoever asks about past runs need not wait for it.
"""

import json
from contextlib import closing

from gptfx.data.identities import InputFile
from gptfx.data.storage import is_file, join, open_stored

MANIFEST = "inputs.json"  # at the top of an Examples artifact


def read_manifest(folder: str) -> list[InputFile] | None:
    """The files that an Examples artifact was made from; None where it does not say."""
    path = join(folder, MANIFEST)
    if not is_file(path):
        return None
    with closing(open_stored(path)) as stream:
        return [InputFile(**file) for file in json.loads(stream.read())]
