"""Which serving folder and which version a command is about, and why it was given."""

from pathlib import Path

from gptfx.data.errors import InputError
from gptfx.modules.export.versions import Version, versions
from gptfx.pipeline.layout import Layout


def serving_folders(layout: Layout, preset: str | None = None) -> list[Path]:
    """Those with versions in them; of a preset, or of all. Raises InputError if there is none."""
    filled = [folder for folder in sorted(layout.all_serving.glob("*")) if versions(folder)]
    found = [folder for folder in filled if preset in (None, folder.name)]
    if not found:
        known = ", ".join(folder.name for folder in filled)
        remedy = f"name one of: {known}" if known else "run `gptfx run` first, or name its --root"
        raise InputError("no model has been pushed yet", preset or str(layout.root), remedy)
    return found


def serving_folder(layout: Layout, preset: str | None) -> Path:
    """The one of the preset, or the only one. Raises InputError if there are several."""
    found = serving_folders(layout, preset)
    if len(found) > 1:
        presets = ", ".join(folder.name for folder in found)
        raise InputError("several presets have pushed models", presets, "name one by --preset")
    return found[0]


def find_version(layout: Layout, number: str, preset: str | None) -> Version:
    """A version by its number. Raises InputError for one that is not there, or in several."""
    known = [each for folder in serving_folders(layout, preset) for each in versions(folder)]
    found = [each for each in known if number == str(each.number)]
    if len(found) == 1:
        return found[0]
    if found:
        presets = ", ".join(each.folder.parent.name for each in found)
        raise InputError("several presets have this version", number, f"name --preset: {presets}")
    numbers = ", ".join(str(each.number) for each in known)
    raise InputError("no such version", number, f"name one of: {numbers}")


def require_reason(reason: str, option: str) -> str:
    """The reason in one line. Raises InputError for one that says nothing."""
    if line := " ".join(reason.split()):
        return line
    raise InputError("a reason is needed", reason or "nothing", f"say why: {option} TEXT")
