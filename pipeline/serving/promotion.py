"""A model that a run made, or an older version, becomes the newest version."""

from pathlib import Path
from typing import NamedTuple

from gptfx.data.errors import InputError
from gptfx.modules.export.card import CARD_PATH, read_card
from gptfx.modules.export.versions import versions
from gptfx.modules.export.withdrawn import withdrawal_of
from gptfx.pipeline.history.artifacts import find_artifact, model_folder, model_ids
from gptfx.pipeline.history.finding import LATEST, find_run
from gptfx.pipeline.history.summary import PREFIX
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.metadata import Metadata
from gptfx.pipeline.records import LIVE, Artifact
from gptfx.pipeline.serving.change import Change, Changed, make, mended
from gptfx.pipeline.serving.choosing import find_version, require_reason, serving_folders
from gptfx.pipeline.serving.desk import Desk
from gptfx.pipeline.serving.gates import refusals
from gptfx.pipeline.serving.origin import model_of, origins, pages_in, pages_of
from gptfx.pipeline.serving.record import MODEL, PROMOTION, PUSHED_MODEL, SERVING

BLESSED = "every gate blessed it"
LONGEST_NUMBER = 19  # digits; the store's numbers are of 63 bits


class Candidate(NamedTuple):
    """A model that may be promoted.

    Attributes:
      model_id: its own id.
      source: where it lies.
      serving: where it goes.
      model: its artifact; None where the metadata know none.
      run_id: the run that was named, whose gates count; None for the last that judged it.
    """

    model_id: str
    source: Path
    serving: Path
    model: Artifact | None
    run_id: str | None = None


def promote(
    desk: Desk, candidate: Candidate, force: str | None = None, in_run: str | None = None
) -> Changed:
    """If every gate blessed it, or by force; what was withdrawn is so no more. A run says its id.

    Raises InputError with the gates' reasons, or for what is served already.
    """
    forced_why = require_reason(force, "--force-bless") if force is not None else None
    for entry in reversed(desk.mended):
        same = {"model_id": candidate.model_id, SERVING: str(candidate.serving)}
        if entry.id == PROMOTION and same.items() <= entry.parameters.items():
            return mended(entry)
    known = versions(candidate.serving)
    note = withdrawal_of(candidate.serving, candidate.model_id)
    if known and known[-1].model_id == candidate.model_id and not note:
        raise InputError(
            "this model is served already", str(known[-1].folder), "gptfx models list shows others"
        )
    refused = refusals(desk.metadata, candidate.model, candidate.run_id)
    if refused and forced_why is None:
        remedy = "gptfx models promote ID --force-bless REASON pushes it all the same"
        raise InputError("not every gate blessed the model", "; ".join(refused), remedy)
    change = Change(
        PROMOTION,
        candidate.serving,
        candidate.source,
        candidate.model_id,
        candidate.model.id if candidate.model else None,
        forced_why or BLESSED,
        refused=tuple(refused),
        pages=_pages(desk.metadata, candidate),
        in_run=in_run,
    )
    return make(desk, change)


def _pages(metadata: Metadata, candidate: Candidate) -> dict[str, bytes]:
    """Of its card: a version has its own, which say who pushed it by force, if somebody did."""
    own = pages_in(candidate.source / CARD_PATH.parent)
    return own or pages_of(metadata, candidate.model, candidate.run_id)


def find_candidate(
    metadata: Metadata, layout: Layout, name: str, preset: str | None = None
) -> Candidate:
    """By a version, a run's id or `latest`, a model's id, or an artifact's number.

    Raises InputError where there is none, or it is not there any more.
    """
    is_artifact = len(name) < LONGEST_NUMBER and name.isdecimal() and metadata.artifact(int(name))
    if name.isdecimal() and not is_artifact:
        version = find_version(layout, name, preset)
        origin = origins(metadata).get(str(version.folder))
        model = model_of(metadata, origin) if origin else None
        return Candidate(version.model_id, version.folder, version.folder.parent, model)
    run = find_run(metadata, name) if name == LATEST else metadata.run(name)
    artifact = find_artifact(metadata, run.id if run else name)
    model = _original(metadata, artifact)
    folder = _whole_folder(metadata, layout, model)
    card = read_card(folder) or {}
    serving = layout.serving(preset) if preset else layout.serving(_preset(metadata, model))
    return Candidate(str(card["model_id"]), folder, serving, model, run.id if run else None)


def _original(metadata: Metadata, artifact: Artifact) -> Artifact:
    """The model that the trainer made; a pushed one was made of it, and copies have its id."""
    if artifact.type == PUSHED_MODEL:
        makers = metadata.makers([artifact.id])[artifact.id]
        found = model_of(metadata, makers[0]) if makers else None
        if found is None:
            raise InputError("nobody knows of what model this is", artifact.uri, "name its version")
        return found
    card = read_card(model_folder(artifact))
    same = (each for model_id, each in model_ids(metadata) if card and model_id == card["model_id"])
    return next(same, artifact)


def _whole_folder(metadata: Metadata, layout: Layout, model: Artifact) -> Path:
    """Where the model lies still: as its artifact, or as a version."""
    if model.state == LIVE and read_card(model_folder(model)):
        return model_folder(model)
    filled = serving_folders(layout) if any(layout.all_serving.glob("*/*")) else []
    there = {str(version.folder) for folder in filled for version in versions(folder)}
    for folder, origin in origins(metadata).items():
        of = origin.inputs.get("model")
        number = of.id if of else origin.parameters.get(MODEL)
        if number == model.id and folder in there:
            return Path(folder)
    problem = f"artifact {model.id} holds no model, or was removed"
    raise InputError(problem, model.uri, "name another, or run again what made it")


def _preset(metadata: Metadata, model: Artifact) -> str:
    makers = metadata.makers([model.id])[model.id]
    run_id = metadata.run_of(makers[0]) if makers else None
    run = metadata.run(run_id) if run_id else None
    if run is None:
        raise InputError("no run made this model", model.uri, "name its --preset")
    return str(run.noted.get("preset") or run.pipeline.removeprefix(PREFIX))
