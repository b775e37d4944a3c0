"""Of what is not of a kind of its own: the names of its files, or its one file of JSON or text."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gptfx.pipeline.metadata import Metadata
from gptfx.pipeline.records import Artifact

Facts = dict[str, Any]
Look = Callable[[Artifact, Metadata], Facts]


def files(artifact: Artifact, metadata: Metadata) -> Facts:
    """Their names and sizes."""
    del metadata
    folder = Path(artifact.uri)
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    rows = [
        {"file": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size}
        for path in found
    ]
    return {"files": rows}


def json_of(name: str) -> Look:
    """Of what is one file of JSON."""

    def look(artifact: Artifact, metadata: Metadata) -> Facts:
        del metadata
        content = json.loads(Path(artifact.uri, name).read_text(encoding="utf-8"))
        return content if isinstance(content, dict) else {"content": content}

    return look


def card(artifact: Artifact, metadata: Metadata) -> Facts:
    """A model's, as Markdown."""
    del metadata
    return {"card": Path(artifact.uri, "README.md").read_text(encoding="utf-8")}
