"""What a card says of the gates: as its node writes it, and as it is written again in a version.

A card is written before anybody pushes a refused model by force. The version that is served has a
copy of its own, which must not say that the model was not pushed.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from gptfx.components.model_card.escaping import Markdown, escape, html_of
from gptfx.components.model_card.pages import PAGE, README

NO_REASON = "a gate did not bless it"
# The paragraphs of a verdict, up to the next title. No text can begin a line with bold letters.
IN_MARKDOWN = re.compile(r"^\*\*(?:.*\n)+?(?=## Intended use$)", re.MULTILINE)
IN_HTML = re.compile(r"^<p><strong>(?:.*\n)+?(?=<h2>Intended use</h2>$)", re.MULTILINE)


class Force(NamedTuple):
    """Who pushed a refused model, when (ISO 8601) and why."""

    by: str
    at: str
    reason: str


def verdict(blessed: bool, refused: Iterable[str], force: Force | None = None) -> Markdown:
    """The paragraphs; `refused` are the gates' reasons, a line each."""
    if blessed:
        return Markdown("**Every gate blessed it.**")
    said = "**Refused**, and not pushed:"
    if force:
        by, at, reason = (escape(each) for each in force)
        said = f"**Refused, and pushed by force** by {by}, {at}: {reason}\n\nWhy it was refused:"
    reasons = [f"- {escape(reason)}" for reason in refused] or [f"- {NO_REASON}"]
    return Markdown("\n".join([said, "", *reasons]))


def forced(pages: dict[str, bytes], refused: Iterable[str], force: Force) -> dict[str, bytes]:
    """Pages of a card, by name, that say by whom the model was pushed although it was refused.

    A page that has no verdict to be written again is left out: none is better than a wrong one.
    """
    said = verdict(False, refused, force)
    texts = {README: (IN_MARKDOWN, f"{said}\n\n"), PAGE: (IN_HTML, html_of(said))}
    found = {}
    for name, content in pages.items():
        place, text = texts[name]
        before, after = _around(place, content.decode("utf-8"))
        if after:
            found[name] = f"{before}{text}{after}".encode()
    return found


def _around(place: re.Pattern[str], text: str) -> tuple[str, str]:
    """What stands before the first match, and behind it; nothing behind where there is none."""
    found = place.search(text)
    return (text[: found.start()], text[found.end() :]) if found else (text, "")
