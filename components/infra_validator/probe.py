"""Loads a SavedModel where gptfx cannot be imported, and holds it to what its signatures promise.

Run by path: ``python -I probe.py FOLDER``. TensorFlow is all there is to import, and what the card
of the model `requires`. The last line of standard output is JSON: `checked`, the names of what was
found in order; `load_seconds` and `first_request_seconds`; and, where it was not, `failed`, why.
"""

import importlib
import json
import math
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

SPECIAL, INVALID = b"<|endoftext|>", b"caf\xe9"
PROMPTS = [b"To be", b"", INVALID, SPECIAL]  # a batch of different lengths
# Texts that no normal form changes, and what comes back of them.
ROUND_TRIPS = {text: text for text in (b"", SPECIAL, "They'd déjà vu, 绿色 🙂\r\n".encode())}
ROUND_TRIPS[INVALID] = "caf\ufffd".encode()
FINISH_REASONS = {b"stop", b"length", b"context"}
SETTINGS = {  # of a request for text: (type, value)
    "max_new_tokens": (tf.int32, 4),
    "temperature": (tf.float32, 0.9),
    "top_k": (tf.int32, 40),
    "top_p": (tf.float32, 0.95),
    "seed": (tf.int64, 1),
}
CONTROLS = {
    "min_p": (tf.float32, 0.05),
    "repetition_penalty": (tf.float32, 1.1),
    "stop": (tf.string, b"no such word"),
}
STATE = "state_"  # begins what a stream hands from call to call
Values = dict[str, Any]
Types = dict[str, tf.DType]


class RefusalError(Exception):
    """The model does not do what it promises."""


class Model(NamedTuple):
    """A loaded model's signatures, the card beside it, and what holds the variables."""

    signatures: Any
    card: dict[str, Any]
    loaded: Any = None

    def bound(self, section: str, key: str) -> float:
        """What the card says that is taken or given at most."""
        return float(self.card.get(section, {}).get(key, math.inf))

    def ask(self, name: str, values: Values) -> dict[str, np.ndarray]:
        """The answer of a signature, whose inputs are a value a row."""
        inputs = CONTRACT[name].inputs
        tensors = {key: tf.constant(each, inputs.get(key)) for key, each in values.items()}
        answer = self.signatures[name](**tensors)
        return {key: np.asarray(value) for key, value in answer.items()}


def require(holds: bool, otherwise: str) -> None:
    """Raises RefusalError unless it holds."""
    if not holds:
        raise RefusalError(otherwise)


def check_text(model: Model, name: str) -> None:
    """Awkward prompts are continued in UTF-8, within bounds, and twice the same way."""
    request, most = request_for_text(model, name)
    prompts = request["prompt"]
    first, second = (model.ask(name, request) for _ in range(2))
    require(len(first["text"]) == len(prompts), f"{len(first['text'])} texts for {len(prompts)}")
    for text in first["text"]:
        require(_is_utf8(text), f"text that is not UTF-8: {text!r}")
    made = int(first["tokens"].max())
    require(made <= most, f"{made} tokens where {most:g} were the most")
    unknown = set(first["finish_reason"].tolist()) - FINISH_REASONS
    require(not unknown, f"unknown finish_reason {unknown}")
    same = first["text"].tolist() == second["text"].tolist()
    require(same, "the same request gave another text the second time")


def request_for_text(model: Model, name: str) -> tuple[Values, float]:
    """What is within the bounds of the model's card, and the most tokens that may come of it."""
    longest = min(model.bound("generation", "longest_prompt"), model.bound("model", "block_size"))
    rows = int(min(len(PROMPTS), model.bound("generation", "largest_batch")))
    prompts = [prompt for prompt in PROMPTS if len(prompt) <= longest][:rows]
    known = {**SETTINGS, **CONTROLS}
    settings = {key: known[key][1] for key in CONTRACT[name].inputs if key in known}
    if settings:
        most = min(settings["max_new_tokens"], model.bound("generation", "most_new_tokens"))
        settings["max_new_tokens"] = int(most)
        request = {key: [value] * len(prompts) for key, value in settings.items()}
        return {"prompt": prompts, **request}, most
    # As many tokens as the export says may take long: of one prompt.
    return {"prompt": prompts[:1]}, model.bound("generation", "max_new_tokens")


def check_stream(model: Model, name: str) -> None:
    """A stream comes to its end, and its pieces are the text."""
    request, most = request_for_text(model, name)
    whole = model.ask("generate_controlled", request)["text"].tolist()
    part = model.ask(name, request)
    texts = part["text"].tolist()
    for _ in range(int(most)):
        state = {key: value for key, value in part.items() if key.startswith(STATE)}
        part = model.ask("stream_next", {"steps": [1] * len(texts), **state})
        texts = [text + new for text, new in zip(texts, part["text"].tolist(), strict=True)]
    require(b"" not in part["finish_reason"].tolist(), f"a stream of {most:g} tokens does not end")
    require(texts == whole, f"a stream says {texts} instead of {whole}")


def check_round_trip(model: Model, name: str) -> None:
    """Tokens stand for the text they were made of."""
    tokens = model.ask(name, {"text": list(ROUND_TRIPS)})
    texts = model.ask("detokenize", tokens)["text"].tolist()
    for text, expected in zip(texts, ROUND_TRIPS.values(), strict=True):
        require(text == expected, f"{expected!r} comes back as {text!r}")


def check_scores(model: Model, name: str) -> None:
    """Nats are finite and of the whole text."""
    (key,) = CONTRACT[name].inputs
    rows = [_example(text) for text in PROMPTS] if key == "examples" else PROMPTS
    scores = model.ask(name, {key: rows})
    nats, sizes = scores["nats"].tolist(), [len(text) for text in PROMPTS]
    require(bool(np.isfinite(nats).all()), f"nats that are not finite: {nats}")
    require(min(nats) >= 0 < nats[0], f"nats that are none: {nats}")
    require(scores["bytes"].tolist() == sizes, f"bytes {scores['bytes']} of texts of {sizes}")


class Signature(NamedTuple):
    """What a signature takes and gives, beside a stream's state; what to ask it; and whether a
    session is asked, too, which takes its time."""

    inputs: Types
    outputs: Types
    check: Callable[[Model, str], None] | None = None
    in_session: bool = False


PROMPT: Types = {"prompt": tf.string}
PLAIN: Types = PROMPT | {key: dtype for key, (dtype, _) in SETTINGS.items()}
CONTROLLED: Types = PLAIN | {key: dtype for key, (dtype, _) in CONTROLS.items()}
ANSWER: Types = {"text": tf.string, "tokens": tf.int32, "finish_reason": tf.string}
SCORES: Types = dict.fromkeys(("nats", "tokens", "bytes", "correct"), tf.float32)
COUNTS: Types = {"nats": tf.float32, "tokens": tf.int32, "bytes": tf.int32}
RAGGED: Types = {"ids": tf.int64, "row_splits": tf.int64}
CONTRACT = {  # see modules/export/saved_model.py
    "serving_default": Signature(PROMPT, ANSWER, check_text, in_session=True),
    "generate": Signature(PLAIN, ANSWER, check_text),
    "generate_compiled": Signature(PLAIN, ANSWER, check_text),
    "generate_controlled": Signature(CONTROLLED, ANSWER),  # asked by check_stream
    "stream_start": Signature(CONTROLLED, ANSWER, check_stream),
    "stream_next": Signature({"steps": tf.int32}, ANSWER),
    "score": Signature({"text": tf.string}, COUNTS, check_scores),
    "evaluate": Signature({"examples": tf.string}, SCORES, check_scores, in_session=True),
    "tokenize": Signature({"text": tf.string}, RAGGED, check_round_trip),
    "detokenize": Signature(RAGGED, {"text": tf.string}),
}


def check_interface(signatures: Any) -> None:
    """Every signature of the contract is there, with the names and types of the contract."""
    for name, (inputs, outputs, *_) in CONTRACT.items():
        require(name in signatures, f"the signature {name} is missing")
        taken = _types(signatures[name].structured_input_signature[1])
        taken = {key: dtype for key, dtype in taken.items() if not key.startswith(STATE)}
        given = _types(signatures[name].structured_outputs)
        require(taken == inputs, f"{name} takes {_words(taken)} instead of {_words(inputs)}")
        right = outputs.items() <= given.items()
        require(right, f"{name} gives {_words(given)} instead of {_words(outputs)}")


def load(folder: Path, report: Values) -> Model:
    """Loads the model, and before it what it needs; writes into `report` how long it took."""
    card = json.loads((folder / "assets.extra" / "gptfx.json").read_text(encoding="utf-8"))
    for package in card.get("requires", []):
        importlib.import_module(package.replace("-", "_"))
    start = time.monotonic()
    try:
        loaded = tf.saved_model.load(str(folder))
    except Exception as error:  # whatever TensorFlow stumbles over in what is there
        raise RefusalError(f"the model is damaged: {type(error).__name__}: {error}") from error
    report["load_seconds"] = time.monotonic() - start
    return Model(loaded.signatures, card, loaded)


def in_session(model: Model, folder: Path) -> Model:
    """The model as TensorFlow Serving and Beam's RunInference run it, which restore it and rewrite
    its graph in ways of their own."""
    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        load = tf.compat.v1.saved_model.loader.load
        known = load(session, [tf.saved_model.SERVING], str(folder)).signature_def
    return Model({name: partial(_run, session, known[name]) for name in CONTRACT}, model.card)


def _run(session: Any, signature: Any, **tensors: tf.Tensor) -> dict[str, np.ndarray]:
    feed = {signature.inputs[name].name: tensor.numpy() for name, tensor in tensors.items()}
    return session.run({name: info.name for name, info in signature.outputs.items()}, feed)


def examine(model: Model, report: Values) -> None:
    """Writes into `report` what it finds; raises RefusalError, or what TensorFlow raises."""
    check_interface(model.signatures)
    report["checked"].append("signatures")
    start = time.monotonic()
    model.ask("serving_default", request_for_text(model, "serving_default")[0])
    report["first_request_seconds"] = time.monotonic() - start
    check_answers(model, report)


def check_answers(model: Model, report: Values, where: str = "") -> None:
    """Asks every signature; `where` is said of what is refused."""
    for name, signature in CONTRACT.items():
        if signature.check and (signature.in_session or not where):
            try:
                signature.check(model, name)
            except Exception as error:
                raise RefusalError(f"{where}{name}: {error}") from error
            report["checked"].append(f"{where}{name}")


def _types(specs: dict[str, Any]) -> Types:
    return {name: spec.dtype for name, spec in specs.items()}


def _words(types: Types) -> str:
    return ", ".join(f"{name} {dtype.name}" for name, dtype in sorted(types.items()))


def _is_utf8(text: bytes) -> bool:
    return text.decode(errors="replace").encode() == text


def _example(text: bytes) -> bytes:
    example = tf.train.Example()
    example.features.feature["text"].bytes_list.value.append(text)
    return example.SerializeToString()


def main(folder: str) -> None:
    """Examines, and says what came of it."""
    sys.modules["gptfx"] = None  # type: ignore[assignment]  # importing it fails from here on
    tf.get_logger().setLevel("ERROR")  # which else says that sessions are of the past
    report: Values = {"checked": []}
    try:
        model = load(Path(folder), report)
        examine(model, report)
        check_answers(in_session(model, Path(folder)), report, "in a session, ")
    except Exception as error:
        known = isinstance(error, RefusalError)
        report["failed"] = str(error) if known else f"{type(error).__name__}: {error}"
    print("\n" + json.dumps(report), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
