"""Asks an exported model everything that its contract promises: ``contract_worker.py FOLDER``.

Runs in a process that has TensorFlow but neither gptfx nor Keras. `python` is the model as
tf.saved_model.load gives it; `session` as TensorFlow Serving and Beam's RunInference run it. Prints
one JSON object: what each way answered to each request.
"""

import json
import sys
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.python.framework import op_def_registry

Arrays = dict[str, np.ndarray]
Call = Callable[..., Arrays]
TYPES = {
    "prompt": object, "text": object, "stop": object, "examples": object, "temperature": "f4",
    "top_p": "f4", "min_p": "f4", "repetition_penalty": "f4", "seed": "i8", "ids": "i8",
    "row_splits": "i8",
}  # fmt: skip
PROMPTS = ["To be", "", "KING RICHARD and a longer one"]
BAD_PROMPTS = [
    b"\xff\xfe not \xe6 UTF-8 \xed\xa0\x80", b"<|endoftext|>", b"\0", "漢字 e\u0301 😀".encode(),
    b"w" * 3000,
]  # fmt: skip
PLAIN = {"max_new_tokens": 9, "temperature": 1.0, "top_k": 20, "top_p": 0.9, "seed": 5}
CONTROLLED = {**PLAIN, "min_p": 0.01, "repetition_penalty": 1.2, "stop": "e\x1fthe"}


def rows(count: int, settings: dict[str, object]) -> dict[str, list[object]]:
    return {name: [value] * count for name, value in settings.items()}


def requests() -> dict[str, tuple[str, dict[str, list[object]]]]:
    """By name: the signature, and its inputs."""
    three = {"prompt": PROMPTS}
    plain, controlled = {**three, **rows(3, PLAIN)}, {**three, **rows(3, CONTROLLED)}
    bad = {"prompt": BAD_PROMPTS, **rows(len(BAD_PROMPTS), PLAIN)}
    alone = {name: values[:1] for name, values in {**plain, "temperature": [0.0]}.items()}
    example = tf.train.Example()
    example.features.feature["text"].bytes_list.value.append(b"To be")
    examples = [example.SerializeToString()]
    return {
        "default": ("serving_default", three),
        "default again": ("serving_default", three),
        "default alone": ("serving_default", {"prompt": PROMPTS[:1]}),
        "generate": ("generate", plain),
        "greedy": ("generate", {**plain, "temperature": [0.0] * 3}),
        "greedy compiled": ("generate_compiled", {**plain, "temperature": [0.0] * 3}),
        "greedy compiled alone": ("generate_compiled", alone),
        "compiled": ("generate_compiled", plain),
        "controlled": ("generate_controlled", controlled),
        "bad prompts": ("generate", bad),
        "nothing": ("generate", {"prompt": [], **rows(0, PLAIN)}),
        "no tokens": ("generate", {**plain, "max_new_tokens": [0, 1, 2]}),
        "score": ("score", {"text": ["To be", "", "漢字"]}),
        "evaluate": ("evaluate", {"examples": examples}),
        "tokenize": ("tokenize", {"text": ["To be", "", "漢字"]}),
        "too long": ("generate", {**plain, "prompt": ["", "", "x" * 1_000_000]}),
        "too many rows": ("serving_default", {"prompt": ["x"] * 1000}),
        "too many to score": ("score", {"text": ["x"] * 33}),
        "too many to tokenize": ("tokenize", {"text": ["x"] * 33}),
        "too many stops": ("generate_controlled", {**controlled, "stop": ["", "\x1f" * 64, "a"]}),
        "too many tokens": ("generate", {**plain, "max_new_tokens": [1, 1, 10**9]}),
        "too hot": ("generate", {**plain, "temperature": [1.0, -1.0, 1.0]}),
        "no number": ("generate", {**plain, "temperature": [1.0, float("nan"), 1.0]}),
        "no share": ("generate", {**plain, "top_p": [1.0, 1.0, 0.0]}),
        "one seed for all": ("generate", {**plain, "seed": [1]}),
        "no example": ("evaluate", {"examples": [examples[0], b""]}),
        "no such id": ("detokenize", {"ids": [65, -1], "row_splits": [0, 2]}),
        "no borders": ("detokenize", {"ids": [65, 66], "row_splits": [0, 3]}),
    }


# What a stream is asked next: steps, and what was changed of its state.
STREAM_REQUESTS = {
    "no steps": ([0, 1, 1], {}),
    "steps of one": ([3], {}),
    "another's row": ([3, 3, 3], {"state_step": [1, 2, 1]}),
    "no token": ([3, 3, 3], {"state_token": [0, 0, 10**6]}),
    "no row": ([3, 3, 3], {"state_seed": [5]}),
    "a token too few": ([3, 3, 3], {"state_token": [0, 0]}),
    "length far off": ([3, 3, 3], {"state_length": [2**31 - 1] * 3}),
    "before the first": ([3, 3, 3], {"state_length": [-5] * 3}),
    "shown too much": ([3, 3, 3], {"state_shown": [0, 0, 99]}),
    "temperature lost": ([3, 3, 3], {"state_temperature": [float("nan")] * 3}),
}


def _typed(inputs: dict[str, list[object]]) -> Arrays:
    """As arrays; a stream's state is arrays already."""
    return {
        name: each if isinstance(each, np.ndarray) else np.array(each, TYPES.get(name, "i4"))
        for name, each in inputs.items()
    }


def ask(call: Call, signature: str, inputs: dict[str, list[object]]) -> object:
    """The answer in plain Python; a refusal as its message, or all that TensorFlow says."""
    try:
        return plain(call(signature, _typed(inputs)))
    except tf.errors.InvalidArgumentError as error:
        refusal = str(error).partition("assertion failed: [")[2].partition("]\n")[0].rstrip("]")
        return refusal or str(error)


def plain(answer: Arrays) -> dict[str, list[object]]:
    def bare(value: object) -> object:
        return value.decode() if isinstance(value, bytes) else value

    return {name: [bare(each) for each in values.tolist()] for name, values in answer.items()}


def stream(call: Call) -> dict[str, object]:
    """A stream of `controlled`, joined, with three tokens a call."""
    made = call("stream_start", _typed({"prompt": PROMPTS, **rows(3, CONTROLLED)}))
    texts = [made["text"]]
    while (made["finish_reason"] == b"").any():
        state = {name: value for name, value in made.items() if name.startswith("state_")}
        made = call("stream_next", {"steps": np.full(3, 3, "i4"), **state})
        texts.append(made["text"])
    joined = [b"".join(row) for row in zip(*texts, strict=True)]
    shown = {name: made[name] for name in ("tokens", "finish_reason")}
    return {**plain(shown), "text": [text.decode() for text in joined]}


def stream_of_nothing(call: Call) -> list[int]:
    """How many rows a stream without prompts has at its start and after."""
    made = call("stream_start", _typed({"prompt": [], **rows(0, CONTROLLED)}))
    state = {name: value for name, value in made.items() if name.startswith("state_")}
    after = call("stream_next", {"steps": np.zeros(0, "i4"), **state})
    return [len(each["text"]) for each in (made, after)]


def ask_stream(call: Call) -> dict[str, object]:
    """The answer to each of `STREAM_REQUESTS`, and how many tokens different steps make."""
    endless = {**CONTROLLED, "stop": ""}
    made = call("stream_start", _typed({"prompt": PROMPTS, **rows(3, endless)}))
    state = {name: value for name, value in made.items() if name.startswith("state_")}
    said = {}
    for name, (steps, changed) in STREAM_REQUESTS.items():
        other = {key: np.array(each, state[key].dtype) for key, each in changed.items()}
        said[name] = ask(call, "stream_next", {**state, **other, "steps": steps})
    cut = {**state, "state_values_0": state["state_values_0"][:, :, 1:], "steps": [3, 3, 3]}
    said["cut short"] = ask(call, "stream_next", cut)
    said["steps that differ"] = call("stream_next", {**state, "steps": np.array([4, 2, 3], "i4")})
    said["steps that differ"] = said["steps that differ"]["tokens"].tolist()
    return said


def answers(call: Call) -> dict[str, object]:
    every = {name: ask(call, *request) for name, request in requests().items()}
    every |= ask_stream(call)
    ids = call("tokenize", {"text": np.array(["To be", "", "漢字"], object)})
    every["detokenize"] = plain(call("detokenize", ids))
    return {**every, "stream": stream(call), "stream of nothing": stream_of_nothing(call)}


def python(folder: str) -> dict[str, object]:
    signatures = tf.saved_model.load(folder).signatures

    def call(name: str, inputs: Arrays) -> Arrays:
        dtypes = signatures[name].structured_input_signature[1]
        tensors = {key: tf.constant(value, dtypes[key].dtype) for key, value in inputs.items()}
        return {key: value.numpy() for key, value in signatures[name](**tensors).items()}

    return answers(call)


def session(folder: str) -> dict[str, object]:
    with tf.compat.v1.Session(graph=tf.Graph()) as running:
        definitions = tf.compat.v1.saved_model.load(running, ["serve"], folder).signature_def

        def call(name: str, inputs: Arrays) -> Arrays:
            feed = {definitions[name].inputs[key].name: value for key, value in inputs.items()}
            fetch = {key: value.name for key, value in definitions[name].outputs.items()}
            return running.run(fetch, feed)

        return answers(call)


def shape_of(folder: str) -> dict[str, object]:
    """Signatures with the types of inputs and outputs; ops, and those TensorFlow does not know."""
    with open(folder + "/saved_model.pb", "rb") as file:
        graph = SavedModel.FromString(file.read()).meta_graphs[0]
    named = {
        name: [
            {key: tf.dtypes.as_dtype(info.dtype).name for key, info in each.items()}
            for each in (definition.inputs, definition.outputs)
        ]
        for name, definition in graph.signature_def.items()
        if not name.startswith("__")
    }
    library = graph.graph_def.library.function
    functions = {function.signature.name for function in library}
    nodes = [*graph.graph_def.node, *(node for each in library for node in each.node_def)]
    ops = {node.op for node in nodes} - functions
    unknown = [op for op in ops if op_def_registry.get(op) is None]
    return {"signatures": named, "ops": sorted(ops), "unknown": unknown}


if __name__ == "__main__":
    sys.modules.update(gptfx=None, keras=None)  # importing either fails from here on
    where = sys.argv[1]
    content = {"python": python(where), "session": session(where), **shape_of(where)}
    print(json.dumps(content))
