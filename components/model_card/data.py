"""What a model learned from: corpora with their licences, files with their hashes, splits."""

from collections.abc import Iterator
from itertools import groupby

from gptfx.components.examples import EVAL, TRAIN, read_raw_examples
from gptfx.components.model_card.inputs import EXAMPLES, Given, Json
from gptfx.components.text_example_gen.manifest import read_manifest
from gptfx.data.identities import InputFile


def describe_data(given: Given) -> Json:
    """`corpora` and splits."""
    files = read_manifest(given.artifact(EXAMPLES).uri) or []
    return {
        "corpora": [_corpus(corpus, files) for corpus in given.corpora],
        **{split: _split(given.split(split)) for split in (TRAIN, EVAL)},
    }


def _corpus(corpus: Json, files: list[InputFile]) -> Json:
    """With its files; without its licence where these are other texts of the same name."""
    mine = [file for file in files if file.source.partition("/")[0] == corpus["name"]]
    known = corpus if is_that_text(corpus, mine) else {"name": corpus["name"]}
    fields = ("name", "title", "licence", "source", "language")
    return {
        **{field: known.get(field) for field in fields},
        "files": [file._asdict() for file in mine],
    }


def is_that_text(corpus: Json, files: list[InputFile]) -> bool:
    """Whether the files may be what is known under the corpus's name, by their size and, of a
    single file, by its hash. (A pod takes what lies where its texts are.)"""
    if corpus.get("bytes") is not None and sum(file.bytes for file in files) != corpus["bytes"]:
        return False
    if corpus.get("sha256") is None or len(files) != 1:
        return True
    kind, _, digest = files[0].identity.partition(":")
    return kind != "sha256" or digest == corpus["sha256"]


def _split(folder: str) -> Json:
    passages = size = 0
    for example in read_raw_examples(folder):
        passages, size = passages + 1, size + len(example.text)
    return {"passages": passages, "bytes": size}


def texts_of(split_folder: str) -> Iterator[Iterator[bytes]]:
    """The passages of a split, source by source: a shard holds whole sources, in order."""
    examples = read_raw_examples(split_folder)
    for _, of_source in groupby(examples, key=lambda example: example.source):
        yield (example.text for example in of_source)
