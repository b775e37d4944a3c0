"""Boxes stand in layers, and arrows run between them."""

from itertools import combinations

from gptfx.pipeline.history.layers import Arrow, place

WIDE, LANE, GAP = 2.0, 0.1, 0.5


def placed(*ends: str) -> tuple[dict[str, tuple[float, int]], list[Arrow]]:
    """Of arrows that are written `ab`, from a to b."""
    arrows = [Arrow(*each) for each in ends]
    boxes = sorted(set("".join(ends)))
    return place(boxes, arrows, (WIDE, LANE), GAP), arrows


def test_a_box_is_below_all_that_it_has_an_arrow_from() -> None:
    places, arrows = placed("ab", "bc", "cd", "ad", "ae")
    assert {name: places[name][1] for name in "abcde"} == {"a": 0, "b": 1, "c": 2, "d": 3, "e": 1}
    assert all(places[arrow.source][1] < places[arrow.target][1] for arrow in arrows)


def test_an_arrow_past_a_layer_has_a_lane_of_its_own_there() -> None:
    places, arrows = placed("ab", "bc", "cd", "ad", "bd")
    stops = [[places[stop][1] for stop in arrow.stops] for arrow in arrows]
    assert stops == [[0, 1], [1, 2], [2, 3], [0, 1, 2, 3], [1, 2, 3]]


def test_nothing_stands_on_anything_and_the_picture_begins_at_a_gap() -> None:
    places, arrows = placed("ab", "ac", "ad", "ae", "bf", "cf", "df", "ef", "af", "ag", "fg")
    lanes = {lane for arrow in arrows for lane in arrow.lanes}
    half = {name: (LANE if name in lanes else WIDE) / 2 for name in places}
    for one, two in combinations(places, 2):
        if places[one][1] == places[two][1]:
            apart = abs(places[one][0] - places[two][0])
            assert apart >= half[one] + half[two] + GAP - 1e-9
    assert abs(min(places[name][0] - half[name] for name in places) - GAP) < 1e-9


def test_a_box_without_arrows_has_a_place() -> None:
    assert place(["a"], [], (WIDE, LANE), GAP) == {"a": (GAP + WIDE / 2, 0)}
