"""Which texts changed since the run before."""

from collections.abc import Sequence

from gptfx.components.text_example_gen.files import InputFile, read_identities, read_manifest
from gptfx.data.corpora import TextCorpus
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.metadata import last_output, open_store

MOST_LINES = 10
INGEST, EXAMPLES = "ingest", "examples"  # the node, and its output


def changed_inputs(corpora: Sequence[TextCorpus], layout: Layout, pipeline_name: str) -> list[str]:
    """A line for each file that was added, changed or removed since the pipeline last read texts.

    Empty if nothing changed, and for the first run in a root.
    """
    if not layout.metadata.exists():
        return []
    examples = last_output(open_store(layout.metadata), pipeline_name, INGEST, EXAMPLES)
    before = read_manifest(examples.uri) if examples else None
    if before is None:
        return []
    now = read_identities(file for corpus in corpora for file in corpus.files)
    return compare(before, now)


def compare(before: Sequence[InputFile], now: Sequence[InputFile]) -> list[str]:
    """What a person reads of the difference between two lists of files."""
    old = {file.source: file for file in before}
    new = {file.source: file for file in now}
    return [
        *(f"added {source} ({new[source].bytes:,} bytes)" for source in sorted(new.keys() - old)),
        *(f"removed {source}" for source in sorted(old.keys() - new)),
        *(
            f"changed {source} ({old[source].bytes:,} bytes, now {new[source].bytes:,})"
            for source in sorted(old.keys() & new)
            if old[source].identity != new[source].identity
        ),
    ]


def shortened(changes: Sequence[str]) -> list[str]:
    """As many as fit a screen, and how many there are besides."""
    left = len(changes) - MOST_LINES
    return [*changes[:MOST_LINES], *([f"and {left} more"] if left > 0 else [])]
