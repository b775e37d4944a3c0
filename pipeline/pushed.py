"""Which model a command is about: the last push, a pushed version, or a folder."""

from pathlib import Path

from gptfx.data.errors import InputError
from gptfx.modules.export.versions import Version, versions
from gptfx.pipeline.layout import Layout

LATEST = "latest"


def model_folder(name: str, layout: Layout) -> Path:
    """The folder of a model: `latest`, the number of a version, or the folder itself.

    Raises InputError where nothing was pushed, or there is no such version.
    """
    if not name:
        raise InputError(
            "no model was named", "nothing", "`latest`, a version's number, or a folder"
        )
    if name == LATEST:
        return latest(layout).folder
    if not name.isdecimal():
        return Path(name)
    found = [version for version in _pushed(layout) if version.number == int(name)]
    if not found and Path(name).is_dir():
        return Path(name)
    if len(found) == 1:
        return found[0].folder
    if found:
        folders = ", ".join(str(version.folder) for version in found)
        raise InputError("several presets have this version", name, f"name a folder: {folders}")
    known = ", ".join(str(version.number) for version in _pushed(layout)) or "none so far"
    raise InputError(f"no such version in {layout.root}", name, f"name one of: {known}")


def latest(layout: Layout) -> Version:
    """The version that was pushed last, of all presets."""
    found = _pushed(layout)
    if not found:
        remedy = "run `gptfx run` first, or name the --root it was given"
        raise InputError("no model has been pushed yet", str(layout.root), remedy)
    return max(found, key=lambda version: version.number)


def _pushed(layout: Layout) -> list[Version]:
    folders = layout.all_serving.glob("*") if layout.all_serving.is_dir() else ()
    return [version for folder in sorted(folders) for version in versions(folder)]
