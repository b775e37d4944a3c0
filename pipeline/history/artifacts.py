"""Which artifact a name means, what it is in a word, and where its files are."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from gptfx.data.errors import InputError
from gptfx.modules.export.card import read_card
from gptfx.pipeline.history.finding import LATEST
from gptfx.pipeline.metadata import Metadata
from gptfx.pipeline.records import LIVE, Artifact, NodeRun

MODEL, PUSHED_MODEL = "Model", "PushedModel"  # types
SERVED = "Format-Serving"  # where TFX's Model artifacts hold the SavedModel
SHORTEST_ID = 6  # characters of a model's id that are enough to name it
ABSENT, NOT_PUSHED = "absent", "not pushed"


def find_artifact(metadata: Metadata, name: str) -> Artifact:
    """An artifact by its number, a pushed version, a model's id, a run's id, or `latest`: what was
    pushed last.

    Raises InputError where there is none, or are several.
    """
    if name.isdecimal() and (artifact := metadata.artifact(int(name))):
        return artifact
    if pushed := _pushed(metadata, name):
        return pushed
    if run := metadata.run(name):
        made = {each.type: each for node in run.nodes for each in node.outputs.values()}
        pushed = made.get(PUSHED_MODEL)
        is_pushed = pushed is not None and pushed.properties.get("pushed")
        if found := pushed if is_pushed else _of_trainer(run.nodes):
            return found
        raise InputError("the run made no model", name, "name one that did: gptfx runs list")
    return _by_model_id(metadata, name)


def _of_trainer(nodes: Iterable[NodeRun]) -> Artifact | None:
    return next((node.outputs.get("model") for node in nodes if node.id == "trainer"), None)


def _pushed(metadata: Metadata, name: str) -> Artifact | None:
    """The version of that number, or the latest. Raises InputError where nothing was pushed."""
    pushed = [each for each in metadata.artifacts(PUSHED_MODEL) if each.properties.get("pushed")]
    if name == LATEST and not pushed:
        raise InputError("no model was pushed yet", name, "name an artifact's number")
    return next(
        (each for each in pushed if name in (LATEST, each.properties.get("pushed_version"))), None
    )


def _by_model_id(metadata: Metadata, name: str) -> Artifact:
    """The artifact of a model whose text a reader holds; the models' own cards say their ids."""
    known: dict[str, Artifact] = {}
    for model_id, artifact in model_ids(metadata):
        known.setdefault(model_id, artifact)
    found = {model_id: each for model_id, each in known.items() if model_id == name}
    if not found and len(name) >= SHORTEST_ID:
        found = {model_id: each for model_id, each in known.items() if model_id.startswith(name)}
    if len(found) == 1:
        return next(iter(found.values()))
    remedy = "name an artifact's number, a version, a run's or a model's id, or `latest`"
    if found:
        remedy = f"name one of: {', '.join(found)}"
    raise InputError("several models" if found else "no such artifact", name, remedy)


def model_ids(metadata: Metadata) -> Iterator[tuple[str, Artifact]]:
    """Each model that is there still, with its id; the oldest first, as copies have the same."""
    for artifact in reversed(metadata.artifacts(MODEL)):
        if card := read_card(model_folder(artifact)):
            yield str(card["model_id"]), artifact


def model_folder(artifact: Artifact) -> Path:
    """Where a Model artifact, or a pushed one, has its SavedModel."""
    folder = folder_of(artifact)
    return folder if artifact.type == PUSHED_MODEL else folder / SERVED


def folder_of(artifact: Artifact) -> Path:
    """Where the files of an artifact are: of a pushed model, its version."""
    pushed = artifact.type == PUSHED_MODEL and artifact.properties.get("pushed_destination")
    return Path(str(pushed or artifact.uri))


def state_of(artifact: Artifact) -> str:
    """In a word: as the metadata have it; `absent`, `not pushed` where it stands for nothing."""
    if artifact.state != LIVE:
        return artifact.state
    if artifact.properties.get("absent"):
        return ABSENT
    is_refused = artifact.type == PUSHED_MODEL and not artifact.properties.get("pushed")
    return NOT_PUSHED if is_refused else LIVE


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder, or of a file; 0 where there is nothing."""
    if folder.is_file():
        return folder.stat().st_size
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
