"""Counts the distinct pieces of a corpus on Beam; what comes of it fits on one worker."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from gptfx.components.examples import RawExample

# Where a piece stands first (source, byte offset of the passage, rank among its pieces); how often.
Place = tuple[bytes, int, int]
Count = tuple[Place, int]
MOST_PIECES = 1_000_000  # distinct ones that a worker holds before it hands them on


class CountPieces(beam.PTransform):
    """Serialized raw examples to (piece, (first place, count)), one of each distinct piece.

    The order of the places is that of the corpus, its files sorted by source name; it does not
    depend on how the examples are dealt out.
    """

    def __init__(self, pieces: Callable[[bytes], list[bytes]]) -> None:
        super().__init__()
        self.pieces = pieces

    def expand(self, examples: beam.PCollection) -> beam.PCollection:
        """Counts within each bundle, then over all."""
        return (
            examples
            | "CountInBundle" >> beam.ParDo(_CountInBundle(self.pieces))
            | "Count" >> beam.CombinePerKey(sum_counts)
        )


class _CountInBundle(beam.DoFn):
    """Holds the counts of a bundle, since a word comes again and again."""

    def __init__(self, pieces: Callable[[bytes], list[bytes]]) -> None:
        self.pieces = pieces
        self.counts: dict[bytes, Count] = {}

    def start_bundle(self) -> None:
        """See Beam."""
        self.counts = {}

    def process(self, serialized: bytes) -> Iterator[tuple[bytes, Count]]:
        """Counts an example; hands on only when there is too much to hold."""
        example = RawExample.parse(serialized)
        in_passage = Counter(self.pieces(example.text))  # in the order of first occurrence
        for index, (piece, count) in enumerate(in_passage.items()):
            here = (example.source, example.position, index)
            place, before = self.counts.get(piece, (here, 0))
            self.counts[piece] = (min(place, here), before + count)
        if len(self.counts) > MOST_PIECES:
            yield from self.counts.items()
            self.counts = {}

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Hands on what the bundle came to."""
        window = GlobalWindow()
        for entry in self.counts.items():
            yield WindowedValue(entry, window.max_timestamp(), [window])
        self.counts = {}


def sum_counts(counts: Iterable[Count]) -> Count:
    """First place and sum; Beam's combiner, which never calls it on nothing for a key."""
    places, numbers = zip(*counts, strict=True)
    return min(places), sum(numbers)
