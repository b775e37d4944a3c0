"""The curve of a training run, drawn with characters."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gptfx.modules.training.curves import Point

WIDTH, HEIGHT = 60, 12  # characters, without the axes
BLANK = 0x2800  # the braille character without dots; each dot is a bit
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # 4 rows of 2
LOOK = "o"
AXIS_WIDTH = 9  # of what stands left of the plot


def draw_curve(points: Sequence["Point"], width: int = WIDTH, height: int = HEIGHT) -> str:
    """Nats a token over steps: a line for the train split, `o` for looks at the eval split.

    Lines joined by newlines, the labels of the axes included; nothing where there is no point.
    """
    if not points:
        return ""
    steps, losses = [point.step for point in points], [point.loss for point in points]
    looks = [(p.step, p.validation_loss) for p in points if p.validation_loss is not None]
    values = [*losses, *(loss for _, loss in looks)]
    high, low = max(values), min(values)

    def down(value: np.ndarray) -> np.ndarray:
        """So many dots below the top."""
        return np.rint((high - value) / ((high - low) or 1.0) * (4 * height - 1)).astype(int)

    across = np.linspace(steps[0], steps[-1], 2 * width)  # the step of each dot
    rows = _line(down(np.interp(across, steps, losses)), width, height)
    for step, loss in looks:
        column = int(np.argmin(np.abs(across - step))) // 2
        rows[int(down(np.array(loss))) // 4][column] = LOOK
    title = "nats/token" + (f" (line: train split, {LOOK}: eval split)" if looks else "")
    return "\n".join([title, *_with_axes(rows, high, low), *_below(steps, width)])


def _line(down: np.ndarray, width: int, height: int) -> list[list[str]]:
    """Braille characters, (height, width), for how far below the top each dot is, (2 * width,)."""
    cells = np.zeros((height, width), int)
    before = down[0]
    for x, y in enumerate(down):
        for dot in range(min(before, y), max(before, y) + 1):
            cells[dot // 4, x // 2] |= DOTS[dot % 4][x % 2]
        before = y
    return [[chr(BLANK + cell) if cell else " " for cell in row] for row in cells.tolist()]


def _with_axes(rows: list[list[str]], high: float, low: float) -> list[str]:
    """Each row behind the axis, which says what the first, the middle and the last stand for."""
    last = len(rows) - 1
    labelled = {0: high}
    if high > low:
        labelled |= {last // 2: high - (high - low) * (last // 2) / last, last: low}
    lines = []
    for index, row in enumerate(rows):
        label = f"{labelled[index]:.3f} ┤" if index in labelled else "│"
        lines.append(f"{label:>{AXIS_WIDTH}}{''.join(row)}".rstrip())
    return lines


def _below(steps: Sequence[int], width: int) -> list[str]:
    """The axis of steps."""
    first, last = f"{steps[0]:,}", f"{steps[-1]:,} steps"
    margin = " " * (AXIS_WIDTH - 1)
    return [f"{margin}└{'─' * width}", f"{margin} {first}{last:>{width - len(first)}}"]
