"""Figures about a text that a person can read: size, scripts, lines, repetition, compression."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gptfx.data.corpora import TextFile
from gptfx.data.counting import TextCounts, count_file, merge


@dataclass(frozen=True)
class TextStatistics:
    """What a person reads.

    Attributes:
      files: how many.
      bytes: of the text, decompressed.
      code_points: of what is valid UTF-8.
      scripts: code points by Unicode script, the commonest first.
      lines: ends of lines, and a last line without one.
      longest_line: code points, without the line's end.
      longest_line_at: ``CORPUS/FILE:LINE``.
      invalid_sequences: places that reading with a replacement character would replace.
      passages: about four lines each, cut where their text decides, so that copies are found.
      repeated_passages: share of them, 0 to 1, that occurred before.
      compression_ratio: bytes for a byte of zlib's; None for an empty text.
    """

    files: int
    bytes: int
    code_points: int
    scripts: dict[str, int]
    lines: int
    longest_line: int
    longest_line_at: str | None
    invalid_sequences: int
    passages: int
    repeated_passages: float
    compression_ratio: float | None

    def as_json(self) -> dict[str, Any]:
        """All figures under their names."""
        return asdict(self)


def corpus_statistics(files: Iterable[TextFile]) -> TextStatistics:
    """The figures of all files together. Raises InputError for one that cannot be read."""
    return statistics(merge(count_file(file) for file in files))


def statistics(counts: TextCounts) -> TextStatistics:
    """The figures that follow from the sums."""
    passages = len(counts.passages)
    repeated = passages - len(np.unique(counts.passages))
    longest = counts.longest
    return TextStatistics(
        files=counts.files,
        bytes=counts.bytes,
        code_points=counts.code_points,
        scripts=dict(sorted(counts.scripts.items(), key=lambda item: (-item[1], item[0]))),
        lines=counts.lines,
        longest_line=longest.length,
        longest_line_at=f"{longest.source}:{longest.number}" if longest.number else None,
        invalid_sequences=counts.invalid_sequences,
        passages=passages,
        repeated_passages=repeated / passages if passages else 0.0,
        compression_ratio=counts.bytes / counts.compressed_bytes if counts.bytes else None,
    )
