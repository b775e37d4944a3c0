"""Every pin: is each package of the line's lock here, in the version the lock names?"""

import importlib.metadata
import json
import sys
from importlib.metadata import Distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gptfx.pipeline.doctor.finding import Finding, failure, ok, warning
from gptfx.pipeline.doctor.host import MAKE_AGAIN
from gptfx.pipeline.lines import Line

PROJECT = "gptfx"


def examine_packages(line: Line) -> list[Finding]:
    """A finding for each pin that does not hold, or one that all do.

    What only the development of gptfx needs is a warning. Packages beyond the lock are no fault.
    """
    pins = read_pins(line.lock)
    installed = _installed()
    needed = _closure(installed)
    if not _is_checkout(installed):  # installed for use, without what developers need
        pins = [pin for pin in pins if _name(pin) in needed or _name(pin) in installed]
    wrong = [_wrong(pin, installed.get(_name(pin)), needed) for pin in pins]
    findings = [finding for finding in wrong if finding]
    return findings or [ok("packages", f"{len(pins)}, all as in {line.lock.name}")]


def read_pins(lock: Path) -> list[Requirement]:
    """The pins of a lock that are meant for this Python and this system."""
    rows = (row.partition("#")[0].strip() for row in lock.read_text().splitlines())
    pins = [Requirement(row) for row in rows if row]
    return [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]


def _wrong(pin: Requirement, found: Distribution | None, needed: set[str]) -> Finding | None:
    if found and pin.specifier.contains(found.version, prereleases=True):
        return None
    wanted = str(pin.specifier).removeprefix("==")
    what = f"{found.version}, wanted {wanted}" if found else f"missing, wanted {wanted}"
    remedy = MAKE_AGAIN
    folder = Path(str(found.locate_file(""))).resolve() if found else None
    if folder and not folder.is_relative_to(Path(sys.prefix).resolve()):
        what, remedy = f"{what}; from {folder}", f"take {folder} off PYTHONPATH"
    report = failure if _name(pin) in needed or not found else warning
    return report(f"package {pin.name}", what, remedy)


def _is_checkout(installed: dict[str, Distribution]) -> bool:
    ours = installed.get(PROJECT)
    url = json.loads((ours and ours.read_text("direct_url.json")) or "{}")
    return ours is None or bool(url.get("dir_info", {}).get("editable"))


def _installed() -> dict[str, Distribution]:
    """By canonical name; of two with one name the one that is imported."""
    found: dict[str, Distribution] = {}
    for distribution in importlib.metadata.distributions():
        if name := distribution.metadata["Name"]:  # None: a folder that pip did not finish
            found.setdefault(canonicalize_name(name), distribution)
    return found


def _closure(installed: dict[str, Distribution]) -> set[str]:
    """Canonical names of what gptfx needs to run, and what that needs, and so on."""
    todo, known = [(PROJECT, "")], set()
    while todo:
        name, extra = todo.pop()
        if (name, extra) in known:
            continue
        known.add((name, extra))
        rows = installed[name].requires if name in installed else None
        for row in map(Requirement, rows or ()):
            if row.marker is None or row.marker.evaluate({"extra": extra}):
                todo += [(_name(row), wish) for wish in ("", *row.extras)]
    return {name for name, _ in known}


def _name(requirement: Requirement) -> str:
    return canonicalize_name(requirement.name)
