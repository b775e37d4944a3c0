"""A card as one HTML file: the Markdown, and the curves as a picture; nothing from elsewhere."""

from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from gptfx.components.model_card.escaping import html_of
from gptfx.components.model_card.inputs import Json
from gptfx.components.model_card.picture import draw_curves

TEMPLATE = "card.html.j2"
CURVES = "<h2>Curves</h2>\n"  # what texts say is escaped: this is ours


def write_page(facts: Json, markdown: str) -> str:
    """The page of these facts, and of the same in Markdown."""
    above, title, below = html_of(markdown).partition(CURVES)
    picture = draw_curves(facts["curves"]) if facts["curves"] else ""
    return _template().render(
        title=f"{facts['name']} {facts['model_id']}",
        above=Markup(above + title),
        picture=Markup(picture),
        below=Markup(below),
    )


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    source = files("gptfx.components.model_card") / TEMPLATE
    return environment.from_string(source.read_text(encoding="utf-8"))
