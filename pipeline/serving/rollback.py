"""An earlier model becomes the newest version again, and the newest one is withdrawn."""

from pathlib import Path

from gptfx.data.errors import InputError
from gptfx.modules.export.versions import Version, versions
from gptfx.modules.export.withdrawn import withdrawal_of
from gptfx.pipeline.serving.change import Change, Changed, make, mended
from gptfx.pipeline.serving.choosing import find_version, require_reason, serving_folder
from gptfx.pipeline.serving.desk import Desk
from gptfx.pipeline.serving.gates import refusals
from gptfx.pipeline.serving.origin import model_of, origins
from gptfx.pipeline.serving.record import ROLLBACK, SERVING


def roll_back(desk: Desk, to: str | None, preset: str | None, reason: str) -> Changed:
    """To a version, or to the newest that is another model and was not withdrawn.

    One that was killed when readers had the version already is not made a second time.
    """
    reason = require_reason(reason, "--reason")
    chosen = find_version(desk.layout, to, preset) if to else None
    serving = chosen.folder.parent if chosen else serving_folder(desk.layout, preset)
    for entry in reversed(desk.mended):
        is_same = chosen is None or entry.parameters["source"] == str(chosen.folder)
        if entry.id == ROLLBACK and entry.parameters[SERVING] == str(serving) and is_same:
            return mended(entry)
    newest = versions(serving)[-1]
    target = _checked(chosen, newest) if chosen else _default(serving)
    origin = origins(desk.metadata).get(str(target.folder))
    model = model_of(desk.metadata, origin) if origin else None
    change = Change(
        ROLLBACK,
        serving,
        target.folder,
        target.model_id,
        model.id if model else None,
        reason,
        withdraws=newest.model_id,
    )
    return make(desk, change)


def doubts(desk: Desk, changed: Changed) -> list[str]:
    """Why gates had refused the model that is served again; empty where all of them blessed it."""
    origin = origins(desk.metadata).get(str(changed.folder))
    return refusals(desk.metadata, model_of(desk.metadata, origin) if origin else None)


def earlier(serving: Path) -> Version | None:
    """The newest version that is another model than what is served, and was not withdrawn."""
    known = versions(serving)
    others = (
        version
        for version in reversed(known)
        if version.model_id != known[-1].model_id and not withdrawal_of(serving, version.model_id)
    )
    return next(others, None)


def _default(serving: Path) -> Version:
    if found := earlier(serving):
        return found
    numbers = ", ".join(str(version.number) for version in versions(serving))
    remedy = "gptfx models list shows what there is; gptfx models promote takes a run's model"
    raise InputError("there is nothing to roll back to", f"versions {numbers}", remedy)


def _checked(target: Version, newest: Version) -> Version:
    if target.model_id == newest.model_id:
        problem = "this is the model that is served already"
        raise InputError(problem, str(target.number), "name another version: gptfx models list")
    if note := withdrawal_of(target.folder.parent, target.model_id):
        remedy = f"gptfx models promote {target.number} takes it back"
        raise InputError("this model is withdrawn", f"{target.number}, {note}", remedy)
    return target
