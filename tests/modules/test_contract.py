"""The contract of the exported model, asked in a process without gptfx, as a server runs it."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gptfx.modules.config import GenerationConfig
from gptfx.modules.export.saved_model import export
from gptfx.modules.export.serving_model import ServingModel
from gptfx.modules.language_model import language_model
from gptfx.modules.models import frozen
from gptfx.modules.models.gpt import GPT
from gptfx.modules.tokenizers.graph import GraphTokenizer

WORKER = Path(__file__).with_name("contract_worker.py")
TEXT = {"text": "string", "tokens": "int32", "finish_reason": "string"}
PLAIN = {
    "prompt": "string", "max_new_tokens": "int32", "temperature": "float32", "top_k": "int32",
    "top_p": "float32", "seed": "int64",
}  # fmt: skip
CONTROLLED = {**PLAIN, "min_p": "float32", "repetition_penalty": "float32", "stop": "string"}
SUMS = {"nats": "float32", "tokens": "float32", "bytes": "float32", "correct": "float32"}
CONTRACT = {
    "serving_default": ({"prompt": "string"}, TEXT),
    "generate": (PLAIN, TEXT),
    "generate_compiled": (PLAIN, TEXT),
    "generate_controlled": (CONTROLLED, TEXT),
    "stream_start": (CONTROLLED, TEXT),
    "stream_next": ({"steps": "int32"}, TEXT),
    "score": ({"text": "string"}, {"nats": "float32", "tokens": "int32", "bytes": "int32"}),
    "evaluate": ({"examples": "string"}, SUMS),
    "tokenize": ({"text": "string"}, {"ids": "int64", "row_splits": "int64"}),
    "detokenize": ({"ids": "int64", "row_splits": "int64"}, {"text": "string"}),
}
REFUSALS = {
    "too long": "prompt: too long, in bytes. Received: [1000000]. What to do: send at most 65536.",
    "too many rows": "prompt: too many rows. Received: 1000. What to do: send at most 32.",
    "too many to score": "text: too many rows. Received: 33. What to do: send at most 32.",
    "too many to tokenize": "text: too many rows. Received: 33. What to do: send at most 32.",
    "too many stops": (
        "stop: too many. Received: [65]. What to do: give at most 64 for each prompt."
    ),
    "too many tokens": (
        "max_new_tokens: out of bounds. Received: [1000000000]. What to do: give 0 to 4096."
    ),
    "too hot": (
        "temperature: out of bounds. Received: [-1]. What to do: give 0.0 to 1000000000.0."
    ),
    "no number": (
        "temperature: out of bounds. Received: [nan]. What to do: give 0.0 to 1000000000.0."
    ),
    "no share": "top_p: out of bounds. Received: [0]. What to do: give more than 0 and at most 1.",
    "one seed for all": (
        "seed: as many values as prompts are needed. Received: 1. "
        "What to do: give one value for each prompt."
    ),
    "no example": (
        "examples: a `text` is needed in each, and one only. Received: [0]. "
        "What to do: send serialized tf.Examples with one value in the feature `text`."
    ),
    "no such id": "ids: out of bounds. Received: [-1]. What to do: give 0 to 383.",
    "no borders": (
        "row_splits: no borders of texts. Received: [0 3]. What to do: "
        "give 0, and where each text ends among the ids, the last with their number."
    ),
    "no steps": "steps: out of bounds. Received: [0]. What to do: give 1 to 2147483647.",
    "steps of one": (
        "steps: as many values as texts are needed. Received: 1. "
        "What to do: give one value for each text."
    ),
    "another's row": (
        "state_step: rows differ. Received: [2]. What to do: hand on the state of one stream."
    ),
    "no token": (
        "state_token: out of bounds. Received: [1000000]. "
        "What to do: hand on the state as it was given."
    ),
    "no row": (
        "state_seed: as many values as texts are needed. Received: 1. "
        "What to do: give one value for each text."
    ),
    "a token too few": (
        "state_token: as many values as texts are needed. Received: 2. "
        "What to do: give one value for each text."
    ),
    "length far off": (
        "state_length: out of bounds. Received: [2147483647]. "
        "What to do: hand on the state as it was given."
    ),
    "before the first": (
        "state_length: out of bounds. Received: [-5]. "
        "What to do: hand on the state as it was given."
    ),
    "shown too much": (
        "state_shown: out of bounds. Received: [99]. What to do: hand on the state as it was given."
    ),
    "temperature lost": (
        "temperature: out of bounds. Received: [nan]. What to do: give 0.0 to 1000000000.0."
    ),
}
WAYS = ["python", "session"]


@pytest.fixture(scope="module", params=["float32", "int8"])
def told(
    request: pytest.FixtureRequest,
    make_lively: Callable[[], GPT],
    graph_tokenizer: GraphTokenizer,
    twelve_tokens: GenerationConfig,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """What the worker says of a model that was moved to another folder, with weights as they are
    and with narrower ones."""
    made = tmp_path_factory.mktemp("made")
    config = twelve_tokens.model_copy(update={"weights": request.param})
    with pytest.MonkeyPatch.context() as patch:  # as if it were large
        patch.setattr(frozen, "LARGE", 0)
        patch.setattr(frozen, "WIDEST", 100)
        gpt, size = make_lively(), graph_tokenizer.source.vocab_size
        model = language_model(gpt, size, gpt.config.block_size, config.weights)
        export(ServingModel(graph_tokenizer, model, config), made, {})
    folder = made.rename(tmp_path_factory.mktemp("elsewhere") / "model")
    command = [sys.executable, "-I", str(WORKER), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_signatures_are_those_promised(told: dict[str, Any]) -> None:
    def promised(names: dict[str, str]) -> dict[str, str]:
        return {name: kind for name, kind in names.items() if not name.startswith("state_")}

    assert {
        name: tuple(map(promised, each)) for name, each in told["signatures"].items()
    } == CONTRACT


def test_what_a_stream_hands_out_it_takes_again(told: dict[str, Any]) -> None:
    states = [
        {name: kind for name, kind in told["signatures"][signature][side].items() if "_" in name}
        for signature, side in (("stream_start", 1), ("stream_next", 0), ("stream_next", 1))
    ]
    for state in states:
        state.pop("finish_reason", None)
    assert states[0] == states[1] == states[2]
    assert len(states[0]) > 10


def test_only_ops_of_tensorflow_s_standard_set_are_used(told: dict[str, Any]) -> None:
    assert len(told["ops"]) > 50
    assert told["unknown"] == []
    assert [op for op in told["ops"] if "Py" in op] == []


def test_a_session_answers_as_python_does(told: dict[str, Any]) -> None:
    assert told["session"] == told["python"]


@pytest.mark.parametrize("way", WAYS)
def test_prompts_are_continued_alike_again_alone_compiled_and_streamed(
    told: dict[str, Any], way: str
) -> None:
    said = told[way]
    assert said["default"]["tokens"] == [12, 12, 12]
    assert said["default again"] == said["default"]
    assert said["default alone"] == {name: each[:1] for name, each in said["default"].items()}
    assert said["compiled"] == said["generate"] != said["greedy"]
    assert said["greedy compiled"] == said["greedy"]
    assert said["greedy compiled alone"] == {
        name: each[:1] for name, each in said["greedy"].items()
    }
    assert said["stream"] == said["controlled"]


@pytest.mark.parametrize("way", WAYS)
def test_no_text_of_a_stream_grows_by_more_than_was_asked_for(
    told: dict[str, Any], way: str
) -> None:
    assert told[way]["steps that differ"] == [3, 3, 3]  # one from the start, and the fewest


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_of_no_texts_is_none(told: dict[str, Any], way: str) -> None:
    assert told[way]["stream of nothing"] == [0, 0]


@pytest.mark.parametrize("way", WAYS)
def test_keys_and_values_that_were_cut_short_are_refused(told: dict[str, Any], way: str) -> None:
    assert re.fullmatch(
        r"state_values_0: wrong size\. Received: \d+\. "
        r"What to do: hand on the state as it was given\.",
        told[way]["cut short"],
    )


@pytest.mark.parametrize("way", WAYS)
def test_prompts_of_any_kind_are_answered(told: dict[str, Any], way: str) -> None:
    bad = told[way]["bad prompts"]
    assert [len(values) for values in bad.values()] == [5, 5, 5]
    assert set(bad["finish_reason"]) <= {"length", "stop"}
    assert told[way]["nothing"] == {"text": [], "tokens": [], "finish_reason": []}
    assert told[way]["no tokens"]["tokens"] == [0, 1, 2]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("request_name", REFUSALS)
def test_what_is_out_of_bounds_is_refused_by_name(
    told: dict[str, Any], way: str, request_name: str
) -> None:
    assert told[way][request_name] == REFUSALS[request_name]


@pytest.mark.parametrize("way", WAYS)
def test_texts_are_scored_and_taken_apart_and_put_together(told: dict[str, Any], way: str) -> None:
    said = told[way]
    assert said["score"]["bytes"] == [5, 0, 6]
    assert said["score"]["nats"][0] == pytest.approx(said["evaluate"]["nats"][0])
    assert said["score"]["nats"][1] == 0.0
    sizes = [end - start for start, end in pairwise(said["tokenize"]["row_splits"])]
    assert sizes == said["score"]["tokens"]
    assert said["detokenize"]["text"] == ["To be", "", "漢字"]
