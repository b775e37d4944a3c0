"""The figures about a text in the words of ``gptfx data stats``."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gptfx.data.statistics import TextStatistics

MOST_SCRIPTS = 6
MANY_REPEATED = 0.1  # share of passages from which on a word is said


def statistics_rows(figures: "TextStatistics") -> dict[str, str]:
    """What stands in each line, by its name."""
    rows = {
        "files": f"{figures.files:,}",
        "bytes": f"{figures.bytes:,}",
        "code points": f"{figures.code_points:,}",
        "scripts": _scripts(figures),
        "lines": f"{figures.lines:,}",
        "longest line": f"{figures.longest_line:,} code points ({figures.longest_line_at})",
        "invalid sequences": f"{figures.invalid_sequences:,}",
        "repeated passages": f"{figures.repeated_passages:.1%} of {figures.passages:,}",
        "compression ratio": f"{figures.compression_ratio or 0:.2f} (bytes for a byte of zlib's)",
    }
    if figures.invalid_sequences:
        rows["invalid sequences"] += ": not UTF-8; would be read as U+FFFD"
    if figures.repeated_passages > MANY_REPEATED:
        rows["repeated passages"] += ": a model learns them by heart; remove copies"
    return rows


def _scripts(figures: "TextStatistics") -> str:
    named = [
        f"{name} {number / figures.code_points:.1%}" for name, number in figures.scripts.items()
    ]
    left = len(named) - MOST_SCRIPTS
    return ", ".join([*named[:MOST_SCRIPTS], *([f"and {left} more"] if left > 0 else [])]) or "-"
