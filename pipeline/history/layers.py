"""Where the boxes of a drawing go: in layers, so that arrows run down and between boxes.

After Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System
Structures" (IEEE Transactions on Systems, Man, and Cybernetics 11, 1981): a layer for each box, a
lane through each layer that an arrow passes, an order of few crossings, then places near what they
are joined to.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

ROUNDS = 12  # of sorting, and of moving

Place = tuple[float, int]  # of a box's or lane's middle, and its layer


@dataclass
class Arrow:
    """From a box to a box below it, through lanes."""

    source: str
    target: str
    lanes: list[str] = field(default_factory=list)

    @property
    def stops(self) -> list[str]:
        """Both boxes, and the lanes between them."""
        return [self.source, *self.lanes, self.target]


def place(
    boxes: Iterable[str], arrows: list[Arrow], widths: tuple[float, float], gap: float
) -> dict[str, Place]:
    """The places of boxes and of lanes, which are added to the arrows.

    Args:
      boxes: their names.
      arrows: without a circle among them.
      widths: of a box and of a lane.
      gap: between two, and on both sides.
    """
    layers = _layers(boxes, arrows)
    joined = _joined(arrows)
    lanes = {lane for arrow in arrows for lane in arrow.lanes}
    wide = {name: widths[name in lanes] for layer in layers for name in layer}
    middles = _side_by_side(layers, wide, gap)
    for number in range(ROUNDS):
        for layer in layers if number % 2 == 0 else reversed(layers):
            wanted = {name: _mean(name, joined, middles) for name in layer}
            layer.sort(key=wanted.__getitem__)
            middles |= _pushed_apart(layer, wanted, wide, gap)
    left = min(middles[name] - wide[name] / 2 for name in middles) - gap
    return {
        name: (middles[name] - left, depth) for depth, layer in enumerate(layers) for name in layer
    }


def _layers(boxes: Iterable[str], arrows: list[Arrow]) -> list[list[str]]:
    """Each box below all that it has an arrow from; lanes where an arrow passes a layer."""
    depth = dict.fromkeys(boxes, 0)
    for _ in depth:  # as many rounds as the longest way could need
        deeper = {
            arrow.target: depth[arrow.source] + 1
            for arrow in arrows
            if depth[arrow.target] <= depth[arrow.source]
        }
        if not deeper:
            break
        depth |= deeper
    layers: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for name, number in depth.items():
        layers[number].append(name)
    for arrow in arrows:
        for number in range(depth[arrow.source] + 1, depth[arrow.target]):
            arrow.lanes.append(f"{arrow.source} {arrow.target} {number}")
            layers[number].append(arrow.lanes[-1])
    return layers


def _joined(arrows: list[Arrow]) -> dict[str, list[str]]:
    """What stands directly above or below each box and lane on an arrow."""
    found: dict[str, list[str]] = defaultdict(list)
    for arrow in arrows:
        for one, two in zip(arrow.stops, arrow.stops[1:], strict=False):
            found[one].append(two)
            found[two].append(one)
    return found


def _side_by_side(
    layers: list[list[str]], wide: Mapping[str, float], gap: float
) -> dict[str, float]:
    found = {}
    for layer in layers:
        x = -sum(wide[name] + gap for name in layer) / 2
        for name in layer:
            found[name] = x + wide[name] / 2
            x += wide[name] + gap
    return found


def _mean(name: str, joined: Mapping[str, list[str]], middles: Mapping[str, float]) -> float:
    near = [middles[other] for other in joined.get(name, ())]
    return sum(near) / len(near) if near else middles[name]


def _pushed_apart(
    layer: list[str], wanted: Mapping[str, float], wide: Mapping[str, float], gap: float
) -> dict[str, float]:
    """As near to where they want to be as they fit: halfway between packing from either side."""
    from_left, from_right = {}, {}
    edge = float("-inf")
    for name in layer:
        from_left[name] = max(wanted[name], edge + wide[name] / 2)
        edge = from_left[name] + wide[name] / 2 + gap
    edge = float("inf")
    for name in reversed(layer):
        from_right[name] = min(wanted[name], edge - wide[name] / 2)
        edge = from_right[name] - wide[name] / 2 - gap
    return {name: (from_left[name] + from_right[name]) / 2 for name in layer}
