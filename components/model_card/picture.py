"""The curves of a training as SVG that stands in a page, light or dark."""

import io
from dataclasses import fields

from gptfx.components.model_card.inputs import Json
from gptfx.modules.training.curves import Point, figure_of

# Text stays text; the same points give the same picture.
SETTINGS = {"svg.fonttype": "none", "svg.hashsalt": "gptfx", "legend.frameon": False}
NOTHING_ABOUT_IT = dict.fromkeys(("Creator", "Date", "Format", "Type"))
BLACK = "#000000"


def draw_curves(points: list[Json]) -> str:
    """One element `svg`, with the colour of the text around it where a picture is black."""
    import matplotlib  # slow, and not needed where nodes are only wired

    names = [field.name for field in fields(Point)]
    known = [Point(*(point[name] for name in names)) for point in points]
    drawn = io.StringIO()
    with matplotlib.rc_context(SETTINGS):
        figure = figure_of(known, None)
        figure.savefig(drawn, format="svg", transparent=True, metadata=NOTHING_ABOUT_IT)
    text = drawn.getvalue()
    return text[text.index("<svg") :].replace(BLACK, "currentColor")
