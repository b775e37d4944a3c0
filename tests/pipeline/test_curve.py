"""The curve that is drawn with characters."""

import pytest

from gptfx.modules.training.curves import Point
from gptfx.pipeline.curve import HEIGHT, WIDTH, draw_curve


def point(step: int, loss: float, looked: float | None = None) -> Point:
    return Point(step, loss, 1.0, 0.1, 1000.0, looked)


def test_a_loss_that_falls_is_a_line_from_corner_to_corner_with_units() -> None:
    assert draw_curve([point(20, 5.0), point(1500, 3.0)], width=16, height=4).splitlines() == [
        "nats/token",
        "  5.000 ┤⠉⠓⠦⣄⡀",
        "  4.333 ┤    ⠉⠓⠦⣄⡀",
        "        │        ⠉⠓⠦⣄⡀",
        "  3.000 ┤            ⠉⠓⠦⣄",
        "        └────────────────",
        "         20   1,500 steps",
    ]


def test_looks_at_the_eval_split_are_marked_where_and_how_high_they_are() -> None:
    looked = [point(20, 5.0), point(760, 4.0, 5.0), point(1500, 3.0, 3.0)]
    title, *lines = draw_curve(looked, width=16, height=4).splitlines()
    assert title == "nats/token (line: train split, o: eval split)"
    marks = [(row, line.index("o")) for row, line in enumerate(lines[:4]) if "o" in line]
    left = len("        │")
    assert marks == [(0, left + 7), (3, left + 15)]


@pytest.mark.parametrize("points", [[point(20, 3.0)], [point(20, 3.0), point(40, 3.0)]])
def test_a_loss_that_stays_is_a_level_line(points: list[Point]) -> None:
    lines = draw_curve(points, width=8, height=3).splitlines()
    assert lines[1:4] == ["  3.000 ┤⠉⠉⠉⠉⠉⠉⠉⠉", "        │", "        │"]


def test_it_fits_a_narrow_terminal() -> None:
    lines = draw_curve([point(step, 9.0 - step / 200) for step in range(20, 1501, 20)]).splitlines()
    assert len(lines) == HEIGHT + 3
    assert max(map(len, lines)) == WIDTH + len("  9.000 ┤") < 80


def test_no_points_make_no_curve() -> None:
    assert draw_curve([]) == ""
