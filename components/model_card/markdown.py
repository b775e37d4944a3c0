"""A card as Markdown, in which nothing that a text or a model says is markup.

Whatever the template prints goes through `escape`, but for what is Markdown already: `code`, and
`fenced` for what has several lines.
"""

import json
import re
from functools import cache, partial
from importlib.resources import files
from typing import NamedTuple

import jinja2

from gptfx.components.model_card.front_matter import front_matter
from gptfx.components.model_card.inputs import Json

TEMPLATE = "card.md.j2"
MOST_ROWS = 40  # of a table that a corpus of many files would make long; card.json has them all
MOST_POINTS = 12  # of the curves
PUNCTUATION = re.compile(r"([\\`*_\[\]<>|~&$#])")
LINE_START = re.compile(r"^([-+=]|\d+[.)](?=\s|$))")  # would begin a list, or underline a title
CONTROL = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}  # pictures of them
IN_LINES = {code: picture for code, picture in CONTROL.items() if chr(code) not in "\n\t"}


class Markdown(str):
    """Text that is Markdown already."""


class Written(NamedTuple):
    """A card's text, and what a hub wants to stand above it."""

    front_matter: str
    body: str

    @property
    def with_front_matter(self) -> str:
        """The file."""
        return f"---\n{self.front_matter}---\n\n{self.body}"


def write_markdown(facts: Json) -> Written:
    """The card of these facts."""
    body = _template().render(facts, points=_spread(facts["curves"]), most_rows=MOST_ROWS)
    return Written(front_matter(facts), re.sub(r"\n{3,}", "\n\n", body).strip() + "\n")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=False,  # that is HTML's; this is Markdown
        finalize=lambda value: value if isinstance(value, Markdown) else escape(value),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    formats = (code, code_cell, fenced, number, percent)
    environment.filters |= {each.__name__: each for each in formats}
    environment.filters["json"] = partial(json.dumps, ensure_ascii=False)
    source = files("gptfx.components.model_card") / TEMPLATE
    return environment.from_string(source.read_text(encoding="utf-8"))


def escape(value: object) -> Markdown:
    """As text in a line; a dash for what nobody knows.

    >>> print(escape("<b> | a_b"))
    \\<b\\> \\| a\\_b
    """
    if value is None:
        return Markdown("-")
    text = PUNCTUATION.sub(r"\\\1", str(value).translate(CONTROL))
    return Markdown(LINE_START.sub(r"\\\1", text))


def code(value: object) -> Markdown:
    """As it is, in a line."""
    text = str(value).translate(CONTROL)
    if not text.strip():
        return Markdown(f"{len(text)} spaces") if text else Markdown("nothing")
    ticks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    room = " " if text[0] in "` " or text[-1] in "` " else ""
    return Markdown(f"{ticks}{room}{text}{room}{ticks}")


def code_cell(value: object) -> Markdown:
    """The same in a table, where a bar would end the cell, also in code."""
    return Markdown(code(value).replace("|", "\\|"))


def fenced(value: object) -> Markdown:
    """As it is, in lines of its own."""
    text = re.sub("\r\n?", "\n", str(value)).translate(IN_LINES)
    ticks = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return Markdown(f"{ticks}text\n{text}\n{ticks}")


def number(value: float | None, places: int = 0) -> Markdown:
    """With so many digits behind the point."""
    return Markdown("-" if value is None else f"{value:,.{places}f}")


def percent(value: float | None) -> Markdown:
    """A share."""
    return Markdown("-" if value is None else f"{value:.1%}")


def _spread(points: list[Json]) -> list[Json]:
    """Some, the first and the last among them."""
    last = len(points) - 1
    if last < MOST_POINTS:
        return points
    return [points[round(index * last / (MOST_POINTS - 1))] for index in range(MOST_POINTS)]
