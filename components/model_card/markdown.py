"""A card as Markdown, by a template: whatever that prints goes through `escape`, but for what is
Markdown already (see ``escaping.py``)."""

import json
import re
from functools import cache, partial
from importlib.resources import files
from typing import NamedTuple

import jinja2

from gptfx.components.model_card.escaping import Markdown, code, code_cell, escape, fenced
from gptfx.components.model_card.front_matter import front_matter
from gptfx.components.model_card.inputs import Json
from gptfx.components.model_card.verdict import verdict

TEMPLATE = "card.md.j2"
MOST_ROWS = 40  # of a table that a corpus of many files would make long; card.json has them all
MOST_POINTS = 12  # of the curves


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
    body = _template().render(
        facts,
        verdict=verdict(facts["blessed"], facts["refused"]),
        points=_spread(facts["curves"]),
        most_rows=MOST_ROWS,
    )
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
    formats = (code, code_cell, fenced, number, origin, percent)
    environment.filters |= {each.__name__: each for each in formats}
    environment.filters["json"] = partial(json.dumps, ensure_ascii=False)
    source = files("gptfx.components.model_card") / TEMPLATE
    return environment.from_string(source.read_text(encoding="utf-8"))


def number(value: float | None, places: int = 0) -> Markdown:
    """With so many digits behind the point."""
    return Markdown("-" if value is None else f"{value:,.{places}f}")


def origin(of: Json) -> Markdown:
    """In which run, and with which code: `run_id` and `revision`."""
    run, revision = of["run_id"], of["revision"]
    where = f"in run {code(run)}" if run else "in a run whose id is not known"
    if not revision:
        return Markdown(f"{where}, by code whose git revision is not known")
    changed = ", and files that differ from it" if revision.endswith("+") else ""
    return Markdown(f"{where}, by code of git revision {code(revision.rstrip('+'))}{changed}")


def percent(value: float | None) -> Markdown:
    """A share."""
    return Markdown("-" if value is None else f"{value:.1%}")


def _spread(points: list[Json]) -> list[Json]:
    """Some, the first and the last among them."""
    last = len(points) - 1
    if last < MOST_POINTS:
        return points
    return [points[round(index * last / (MOST_POINTS - 1))] for index in range(MOST_POINTS)]
