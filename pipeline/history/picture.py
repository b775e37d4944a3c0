"""A lineage as SVG, for pages: the files above, a layer below another, the arrows between boxes."""

import io
from typing import Any

from gptfx.pipeline.history.drawing import (
    TARGET_FILL,
    arrows_of,
    code_lines,
    drawn,
    name_of,
    short_text,
)
from gptfx.pipeline.history.layers import Arrow, place
from gptfx.pipeline.history.lineage import Lineage

BOX_WIDTH, BOX_HEIGHT, LANE, GAP_X, GAP_Y = 2.5, 0.62, 0.1, 0.4, 0.6  # inches
LINE, LETTER = 0.22, 0.075  # inches between lines of the legend, and for a letter in one
LONGEST = 40  # characters of a box's line
FILL, TEXT_FILL, INK = "#eef3fb", "#f3f1e7", "#8794a8"
LEGEND = (
    (TEXT_FILL, "a file, and the beginning of its hash"),
    (FILL, "an artifact, and the node that made it"),
    (TARGET_FILL, "what was asked about"),
)


def svg(found: Lineage, everything: bool) -> str:
    """The way up to the files; or everything that was made from them. Legend and code below."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    boxes, arrows = _graph(found, everything)
    places = place(boxes, arrows, (BOX_WIDTH, LANE), GAP_X)
    code = list(code_lines(found))
    foot = (len(LEGEND) + len(code) + 1) * LINE
    rows = max(row for _, row in places.values()) + 1
    width = max(x for x, _ in places.values()) + BOX_WIDTH / 2 + GAP_X
    width = max(width, max(map(len, code), default=0) * LETTER + GAP_X)
    height = rows * (BOX_HEIGHT + GAP_Y) + GAP_Y + foot
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "gptfx"}):
        figure = Figure((width, height))
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
        axes.axis("off")
        centres = {
            name: (x, height - GAP_Y - BOX_HEIGHT / 2 - row * (BOX_HEIGHT + GAP_Y))
            for name, (x, row) in places.items()
        }
        for arrow in arrows:
            _draw_arrow(axes, [centres[stop] for stop in arrow.stops])
        for name, label in boxes.items():
            _draw_box(axes, centres[name], label, _fill(name, found))
        _draw_foot(axes, foot, code)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


def _graph(found: Lineage, everything: bool) -> tuple[dict[str, str], list[Arrow]]:
    """What is in the boxes, and which are joined."""
    boxes, ends = {}, []
    for number, texts in found.texts.items():
        for index, text in enumerate(texts):
            source, _, identity = short_text(text).rpartition(" ")
            boxes[f"t{number}_{index}"] = f"{_end_of(source)}\n{identity}"
            ends.append((f"t{number}_{index}", f"a{number}"))
    for number, made in drawn(found, everything).items():
        boxes[f"a{number}"] = f"{name_of(made.artifact)}\n{made.node.id}"
    ends += [(f"a{source}", f"a{target}") for source, target in arrows_of(found, everything)]
    return boxes, [Arrow(source, target) for source, target in ends]


def _end_of(source: str) -> str:
    return source if len(source) <= LONGEST else "..." + source[3 - LONGEST :]


def _fill(name: str, found: Lineage) -> str:
    if name == f"a{found.target.id}":
        return TARGET_FILL
    return TEXT_FILL if name.startswith("t") else FILL


def _draw_arrow(axes: Any, stops: list[tuple[float, float]]) -> None:
    """Straight between the layers, and straight down through the lane that each layer leaves it."""
    half = BOX_HEIGHT / 2
    points = [(x, y + side) for x, y in stops for side in (half, -half)][1:-1]
    axes.plot(*zip(*points, strict=True), color=INK, lw=1, solid_joinstyle="round")
    pointed = {"arrowstyle": "->", "color": INK, "lw": 1, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", xy=points[-1], xytext=points[-2], arrowprops=pointed)


def _draw_box(axes: Any, centre: tuple[float, float], label: str, fill: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    corner = (centre[0] - BOX_WIDTH / 2, centre[1] - BOX_HEIGHT / 2)
    shape = "round,pad=0,rounding_size=0.08"
    axes.add_patch(FancyBboxPatch(corner, BOX_WIDTH, BOX_HEIGHT, shape, fc=fill, ec=INK))
    axes.text(*centre, label.replace("$", r"\$"), ha="center", va="center", fontsize=8)


def _draw_foot(axes: Any, top: float, code: list[str]) -> None:
    from matplotlib.patches import Rectangle

    for number, (fill, text) in enumerate(LEGEND):
        y = top - (number + 0.5) * LINE
        axes.add_patch(Rectangle((GAP_X, y - 0.06), 0.22, 0.12, fc=fill, ec=INK))
        axes.text(GAP_X + 0.32, y, text, va="center", fontsize=8)
    for number, line in enumerate(code, len(LEGEND)):
        y = top - (number + 0.5) * LINE
        axes.text(GAP_X, y, line.replace("$", r"\$"), va="center", fontsize=8)
