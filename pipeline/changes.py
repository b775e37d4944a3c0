"""Which texts changed since the run before."""

from collections.abc import Sequence

from gptfx.components.text_example_gen.manifest import read_manifest
from gptfx.data.corpora import TextCorpus
from gptfx.data.errors import InputError
from gptfx.data.identities import InputFile, read_identities
from gptfx.pipeline.metadata import Metadata
from gptfx.pipeline.records import Artifact

MOST_LINES = 10
INGEST, EXAMPLES = "ingest", "examples"  # the node, and its output


def changed_inputs(
    corpora: Sequence[TextCorpus], metadata: Metadata, pipeline_name: str
) -> list[str]:
    """A line for each file that was added, changed or removed since the pipeline last read texts.

    Empty if nothing changed, and for the first run in a store.
    """
    examples = metadata.last_output(pipeline_name, INGEST, EXAMPLES)
    before = texts_of(examples) if examples else None
    if before is None:
        return []
    now = read_identities(file for corpus in corpora for file in corpus.files)
    return compare(before, now)


def texts_of(examples: Artifact) -> list[InputFile] | None:
    """The files that examples were made from; None where it cannot be read (any more)."""
    try:
        return read_manifest(examples.uri)
    except (InputError, OSError, ValueError):
        return None


def changed_between(before: Artifact | None, now: Artifact | None) -> list[str]:
    """A line for each file that differs between what two Examples were made from."""
    old, new = (texts_of(examples) if examples else None for examples in (before, now))
    return [] if old is None or new is None else compare(old, new)


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
