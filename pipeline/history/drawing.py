"""A lineage drawn: as a tree for the terminal, as Mermaid for documents, as SVG for pages."""

import io
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from rich.markup import escape
from rich.tree import Tree

from gptfx.pipeline.history.lineage import PUSHED_MODEL, Lineage, Made, Text
from gptfx.pipeline.metadata import Artifact

SHORT_HASH = 19  # characters of ``sha256:...`` that a picture shows
BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y = 2.3, 0.62, 0.5, 0.6  # inches
FILL, TEXT_FILL, TARGET_FILL = "#eef3fb", "#f3f1e7", "#d7e8d0"


def name_of(artifact: Artifact) -> str:
    """An artifact in a word or two."""
    version = artifact.properties.get("pushed_version")
    is_pushed = artifact.type == PUSHED_MODEL and version
    return f"{artifact.type} {artifact.id}" + (f", version {version}" if is_pushed else "")


def line_of(made: Made) -> str:
    """An artifact, the node that made it, and the run; or the command, and who gave it."""
    state = "" if made.artifact.state == "live" else f", {made.artifact.state}"
    told = made.node.parameters
    by_hand = f"{told.get('by')}: {told.get('reason')}"
    origin = f"run {made.run_id}" if made.run_id else by_hand
    return f"{name_of(made.artifact)} by {made.node.id}, {origin}{state}"


def up_tree(found: Lineage) -> Tree:
    """From what was asked about up to the files; what was drawn before is not drawn again."""
    drawn: set[int] = set()

    def grow(parent: Tree, number: int) -> None:
        made = found.up[number]
        if number in drawn:
            parent.add(f"[dim]{escape(name_of(made.artifact))} (see above)[/]")
            return
        drawn.add(number)
        branch = parent.add(escape(line_of(made)))
        for text in found.texts.get(number, []):
            branch.add(escape(text_line(text)))
        for artifact in made.node.inputs.values():
            if artifact.id in found.up:
                grow(branch, artifact.id)

    tree = Tree("Made from", guide_style="dim")
    grow(tree, found.target.id)
    return tree


def down_tree(found: Lineage) -> Tree:
    """Everything that was made from the same files."""
    tree = Tree("Made from the same texts", guide_style="dim")
    for made in found.down.values():
        tree.add(escape(line_of(made)))
    return tree


def text_line(text: Text) -> str:
    """A file, its size, and its hash whole: what is compared with a file in the hand."""
    return f"{text.source}  {text.bytes:,} bytes  {text.identity}"


def mermaid(found: Lineage, everything: bool) -> str:
    """A flowchart from the files to the model; or to everything that was made from them."""
    lines = ["flowchart TD"]
    for number, texts in found.texts.items():
        for index, text in enumerate(texts):
            lines.append(f'  t{number}_{index}[/"{_quoted(_short(text))}"/] --> a{number}')
    for number, made in _drawn(found, everything).items():
        lines.append(f'  a{number}["{_quoted(name_of(made.artifact))}<br/>{made.node.id}"]')
    for source, target in _arrows(found, everything):
        lines.append(f"  a{source} --> a{target}")
    lines.append(f"  style a{found.target.id} fill:{TARGET_FILL}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def _short(text: Text) -> str:
    return f"{text.source} {text.identity[:SHORT_HASH]}"


def _drawn(found: Lineage, everything: bool) -> dict[int, Made]:
    return {**found.up, **(found.down if everything else {})}


def _arrows(found: Lineage, everything: bool) -> list[tuple[int, int]]:
    """From what to what; each once."""
    drawn = _drawn(found, everything)
    arrows = {
        (source.id, number): None
        for number, made in sorted(drawn.items())
        for source in made.node.inputs.values()
        if source.id in drawn
    }
    return list(arrows)


def svg(found: Lineage, everything: bool) -> str:
    """The same as a picture, a layer below another."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    boxes = {
        f"a{number}": f"{name_of(made.artifact)}\n{made.node.id}"
        for number, made in _drawn(found, everything).items()
    }
    arrows = [(f"a{source}", f"a{target}") for source, target in _arrows(found, everything)]
    for number, texts in found.texts.items():
        for index, text in enumerate(texts):
            boxes[f"t{number}_{index}"] = f"{PurePosixPath(text.source).name}\n{text.identity[:19]}"
            arrows.append((f"t{number}_{index}", f"a{number}"))
    rows = _layers(boxes, arrows)
    width = max(len(row) for row in rows) * (BOX_WIDTH + GAP_X) + GAP_X
    height = len(rows) * (BOX_HEIGHT + GAP_Y) + GAP_Y
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "gptfx"}):
        figure = Figure((width, height))
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
        axes.axis("off")
        centres = _centres(rows, width, height)
        for source, target in arrows:
            _draw_arrow(axes, centres[source], centres[target])
        for name, label in boxes.items():
            _draw_box(axes, centres[name], label, _fill(name, found))
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


def _layers(boxes: Iterable[str], arrows: list[tuple[str, str]]) -> list[list[str]]:
    """Each box below all that it has an arrow from."""
    depth = dict.fromkeys(boxes, 0)
    for _ in depth:  # as many rounds as the longest way could need
        deeper = {target: depth[source] + 1 for source, target in arrows
                  if depth[target] <= depth[source]}  # fmt: skip
        if not deeper:
            break
        depth |= deeper
    rows: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for name, row in depth.items():
        rows[row].append(name)
    return rows


def _centres(rows: list[list[str]], width: float, height: float) -> dict[str, tuple[float, float]]:
    centres = {}
    for index, row in enumerate(rows):
        step = width / len(row)
        y = height - GAP_Y - BOX_HEIGHT / 2 - index * (BOX_HEIGHT + GAP_Y)
        centres |= {name: ((place + 0.5) * step, y) for place, name in enumerate(row)}
    return centres


def _fill(name: str, found: Lineage) -> str:
    if name == f"a{found.target.id}":
        return TARGET_FILL
    return TEXT_FILL if name.startswith("t") else FILL


def _draw_arrow(axes: Any, source: tuple[float, float], target: tuple[float, float]) -> None:
    half = BOX_HEIGHT / 2
    axes.annotate(
        "",
        xy=(target[0], target[1] + half),
        xytext=(source[0], source[1] - half),
        arrowprops={"arrowstyle": "->", "color": "#8794a8", "lw": 1},
    )


def _draw_box(axes: Any, centre: tuple[float, float], label: str, fill: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    corner = (centre[0] - BOX_WIDTH / 2, centre[1] - BOX_HEIGHT / 2)
    box = FancyBboxPatch(
        corner, BOX_WIDTH, BOX_HEIGHT, "round,pad=0,rounding_size=0.08", fc=fill, ec="#8794a8"
    )
    axes.add_patch(box)
    axes.text(*centre, label.replace("$", r"\$"), ha="center", va="center", fontsize=8)
