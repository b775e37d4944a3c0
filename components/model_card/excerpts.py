"""Stretches of text of a split, spread evenly over it."""

import codecs

from gptfx.components.examples import read_raw_examples

EXCERPT_BYTES = 4096  # at most


def excerpts(split_folder: str, most: int) -> list[str]:
    """At most so many: passages of one source that follow each other. What is no UTF-8 counts as
    U+FFFD, and no character is cut."""
    passages = sum(1 for _ in read_raw_examples(split_folder))
    step, due, source = max(1, passages // most), 0, b""
    found: list[bytes] = []
    for index, example in enumerate(read_raw_examples(split_folder)):
        is_whole = not found or example.source != source or len(found[-1]) >= EXCERPT_BYTES
        if is_whole and index >= due and len(found) < most:
            found.append(example.text)
            source, due = example.source, index + step
        elif not is_whole:
            found[-1] += example.text
    return [_beginning(text) for text in found]


def _beginning(text: bytes) -> str:
    if len(text) <= EXCERPT_BYTES:
        return text.decode("utf-8", "replace")
    return codecs.getincrementaldecoder("utf-8")("replace").decode(text[:EXCERPT_BYTES])
