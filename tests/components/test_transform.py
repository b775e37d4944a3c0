"""Transform's graph gives the ids that Python gives, and the trainer gets them in order."""

from pathlib import Path

import numpy as np
import pytest
from tfx.types import Artifact, artifact_utils

from gptfx.components.examples import EVAL, TRAIN, RawExample, read_raw_examples
from gptfx.components.trainer.tokens import read_passages
from gptfx.data.passages import train_eval_boundary
from gptfx.modules.tokenizers.tokenizer import Tokenizer
from gptfx.modules.training.packing import Passage, pack

Artifacts = dict[str, Artifact]


def raw(examples: Artifact, split: str) -> list[RawExample]:
    return list(read_raw_examples(artifact_utils.get_split_uri([examples], split)))


def tokens_of(transformed: Artifacts, split: str) -> list[Passage]:
    folder = artifact_utils.get_split_uri([transformed["transformed_examples"]], split)
    return list(read_passages([f"{folder}/*"]))


@pytest.mark.parametrize("split", [TRAIN, EVAL])
def test_each_passage_keeps_source_and_position_and_its_tokens_are_python_s(
    examples: Artifact, transformed: Artifacts, tokenizer: Artifact, split: str
) -> None:
    python = Tokenizer.load(Path(tokenizer.uri))
    found = {
        (passage.source, passage.position): list(passage.ids)
        for passage in tokens_of(transformed, split)
    }
    assert found == {
        (example.source, example.position): python.encode(example.text)
        for example in raw(examples, split)
    }


def test_tokens_are_more_than_bytes(transformed: Artifacts) -> None:
    ids = np.concatenate([passage.ids for passage in tokens_of(transformed, TRAIN)])
    assert max(ids) >= 256
    assert np.issubdtype(ids.dtype, np.integer)


def test_packed_and_decoded_the_train_split_is_the_train_text_in_order(
    transformed: Artifacts, tokenizer: Artifact, texts: dict[str, bytes], tmp_path: Path
) -> None:
    python = Tokenizer.load(Path(tokenizer.uri))
    stream = pack(reversed(tokens_of(transformed, TRAIN)), python.separator_id).ids
    assert stream.dtype == np.int32
    assert list(stream).count(python.separator_id) == len(texts)
    assert stream[0] == python.separator_id
    path = tmp_path / "text"
    expected = b""
    for name in sorted(texts):
        path.write_bytes(texts[name])
        expected += texts[name][: train_eval_boundary(path, 0.25)]
    assert python.decode(stream) == expected
