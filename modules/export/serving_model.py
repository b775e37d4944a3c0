"""The functions behind an exported model's signatures; what they promise is in `saved_model`."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from gptfx.modules.config import GenerationConfig
from gptfx.modules.evaluation.scoring import BYTES, NATS, TOKENS, score_texts
from gptfx.modules.generation import streaming
from gptfx.modules.generation.bounds import Bound, demand
from gptfx.modules.generation.generate import generate, generate_compiled
from gptfx.modules.generation.requests import Request, check, rows_bound
from gptfx.modules.generation.sampling import Sampling
from gptfx.modules.language_model import LanguageModel, SharedModel, language_model
from gptfx.modules.tokenizers.graph import GraphTokenizer

# Inputs of requests for text, a value a prompt, in the order in which the functions take them.
PLAIN = {
    "prompt": tf.string,
    "max_new_tokens": tf.int32,
    "temperature": tf.float32,
    "top_k": tf.int32,
    "top_p": tf.float32,
    "seed": tf.int64,
}
CONTROLLED = {**PLAIN, "min_p": tf.float32, "repetition_penalty": tf.float32, "stop": tf.string}
Tensors = dict[str, tf.Tensor]


def _rows(inputs: dict[str, tf.DType]) -> list[tf.TensorSpec]:
    return [tf.TensorSpec([None], dtype, name=name) for name, dtype in inputs.items()]


class ServingModel(tf.Module):
    """What is exported: tokenizer, model and the functions behind the signatures."""

    def __init__(
        self, tokenizer: GraphTokenizer, model: LanguageModel, config: GenerationConfig
    ) -> None:
        super().__init__(name="gptfx")
        self.tokenizer, self.model, self.config = tokenizer, SharedModel(model), config
        self.slides = model.slides and config.beyond_block_size != "end"

    @tf.function(input_signature=_rows({"prompt": tf.string}), autograph=False)
    def speak(self, prompt: tf.Tensor) -> Tensors:
        """Continues prompts with the settings fixed at export."""
        rows, config = tf.shape(prompt), self.config
        return self.generate(
            prompt,
            tf.fill(rows, config.max_new_tokens),
            tf.fill(rows, config.temperature),
            tf.fill(rows, config.top_k),
            tf.fill(rows, config.top_p),
            tf.fill(rows, tf.constant(config.seed, tf.int64)),
        )

    @tf.function(input_signature=_rows(PLAIN), autograph=False)
    def generate(self, *inputs: tf.Tensor) -> Tensors:
        """Continues prompts, each with its own settings."""
        return self._answer(generate, inputs)

    @tf.function(input_signature=_rows(PLAIN), autograph=False)
    def generate_compiled(self, *inputs: tf.Tensor) -> Tensors:
        """The same, by XLA: faster, once it has compiled for a size."""
        return self._answer(generate_compiled, inputs)

    @tf.function(input_signature=_rows(CONTROLLED), autograph=False)
    def generate_controlled(self, *inputs: tf.Tensor) -> Tensors:
        """The same, with all settings there are."""
        return self._answer(generate, inputs)

    @tf.function(input_signature=_rows(CONTROLLED), autograph=False)
    def stream_start(self, *inputs: tf.Tensor) -> Tensors:
        """The first token of each text."""
        return self._answer(streaming.start, inputs)

    def stream_next(self) -> Any:
        """A function of `steps` (batch,) int32 and the state: more tokens of each text."""
        of_state = streaming.state_specs(self.model)
        named = [tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in of_state.items()]

        specs = [tf.TensorSpec([None], tf.int32, "steps"), *named]

        @tf.function(input_signature=specs, autograph=False)
        def stream_next(steps: tf.Tensor, *state: tf.Tensor) -> Tensors:
            by_name = dict(zip(of_state, state, strict=True))
            checked = streaming.check(steps, by_name, self.config, self.model)
            with tf.control_dependencies([checked]):
                return streaming.go_on(by_name, steps, self.tokenizer, self.model)

        return stream_next

    def _answer(self, how: Callable[..., Tensors], inputs: tuple[tf.Tensor, ...]) -> Tensors:
        request = _request(*inputs)
        with tf.control_dependencies([check(request, self.config)]):
            return how(request, self.tokenizer, self.model, self.slides)

    @tf.function(input_signature=_rows({"text": tf.string}), autograph=False)
    def score(self, text: tf.Tensor) -> Tensors:
        """Scores texts."""
        with tf.control_dependencies([demand([rows_bound("text", text, self.config)])]):
            scored = score_texts(tf.identity(text), self.tokenizer, self.model)
        counts = {name: tf.cast(scored[name], tf.int32) for name in (TOKENS, BYTES)}
        return {NATS: scored[NATS], **counts}

    @tf.function(input_signature=_rows({"examples": tf.string}), autograph=False)
    def evaluate(self, examples: tf.Tensor) -> Tensors:
        """Scores the `text` of serialized tf.Examples."""
        features = {"text": tf.io.RaggedFeature(tf.string)}
        texts = tf.io.parse_example(examples, features)["text"]  # (batch, None)
        count = texts.row_lengths()
        one = Bound.of_each(
            "examples: a `text` is needed in each, and one only",
            count,
            tf.equal(count, 1),
            "send serialized tf.Examples with one value in the feature `text`",
        )
        with tf.control_dependencies([demand([one])]):
            return score_texts(tf.identity(texts.values), self.tokenizer, self.model)

    @tf.function(input_signature=_rows({"text": tf.string}), autograph=False)
    def tokenize(self, text: tf.Tensor) -> Tensors:
        """Texts to ids."""
        with tf.control_dependencies([demand([rows_bound("text", text, self.config)])]):
            ids = self.tokenizer.encode(tf.identity(text))
        return {"ids": ids.values, "row_splits": ids.row_splits}

    @tf.function(input_signature=_rows({"ids": tf.int64, "row_splits": tf.int64}), autograph=False)
    def detokenize(self, ids: tf.Tensor, row_splits: tf.Tensor) -> Tensors:
        """Ids to texts."""
        known = Bound.between("ids", ids, 0, self.tokenizer.vocab_size - 1)
        with tf.control_dependencies([demand([known, _borders(ids, row_splits)])]):
            texts = tf.RaggedTensor.from_row_splits(ids, tf.identity(row_splits), validate=False)
            return {"text": self.tokenizer.decode(texts)}

    def signatures(self) -> dict[str, Any]:
        """The functions by the names under which they are exported; traced once, for saving traces
        what is not."""
        functions = {
            "serving_default": self.speak,
            "generate": self.generate,
            "generate_compiled": self.generate_compiled,
            "generate_controlled": self.generate_controlled,
            "stream_start": self.stream_start,
            "stream_next": self.stream_next(),
            "score": self.score,
            "evaluate": self.evaluate,
            "tokenize": self.tokenize,
            "detokenize": self.detokenize,
        }
        return {name: function.get_concrete_function() for name, function in functions.items()}


def _request(
    prompts: tf.Tensor,
    max_new_tokens: tf.Tensor,
    temperature: tf.Tensor,
    top_k: tf.Tensor,
    top_p: tf.Tensor,
    seeds: tf.Tensor,
    min_p: tf.Tensor | None = None,
    repetition_penalty: tf.Tensor | None = None,
    stops: tf.Tensor | None = None,
) -> Request:
    """Of the inputs of `PLAIN` or `CONTROLLED`, in their order."""
    sampling = Sampling(temperature, top_k, top_p, min_p, repetition_penalty)
    return Request(prompts, max_new_tokens, sampling, seeds, stops)


def _borders(ids: tf.Tensor, row_splits: tf.Tensor) -> Bound:
    """Texts' borders among ids must begin with 0, rise, and end with the number of ids."""
    steps = row_splits[1:] - row_splits[:-1]
    ends = tf.equal(row_splits[-1:], tf.size(ids, tf.int64))
    right = tf.concat([tf.equal(row_splits[:1], 0), steps >= 0, ends], axis=0)
    return Bound(
        (tf.size(row_splits) > 0) & tf.reduce_all(right),
        "row_splits: no borders of texts",
        row_splits,
        "give 0, and where each text ends among the ids, the last with their number",
    )


class Sampler:
    """Lets a model that is being fitted speak, from an empty prompt."""

    def __init__(self, tokenizer: GraphTokenizer, config: GenerationConfig) -> None:
        self.tokenizer, self.config = tokenizer, config
        self.serving: ServingModel | None = None  # its graph is made once

    def __call__(self, model: keras.Model) -> str:
        """A text by the weights as they are."""
        if self.serving is None:
            view = language_model(model, self.tokenizer.source.vocab_size, model.config.block_size)
            self.serving = ServingModel(self.tokenizer, view, self.config)
        return str(self.serving.speak(tf.constant([b""]))["text"].numpy()[0].decode())
