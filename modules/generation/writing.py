"""The loop that writes: choose a token, hand it to the model, look at what comes next, again.

Shapes: B batch, V vocabulary, N the most tokens that a row of the batch may get.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from gptfx.modules.generation.requests import Prompts, Request
from gptfx.modules.generation.sampling import penalize, sample, sample_shared, uniform_draws
from gptfx.modules.generation.stopping import cut_at_stops
from gptfx.modules.language_model import LanguageModel
from gptfx.modules.tokenizers.graph import GraphTokenizer

RUNNING, LENGTH, STOP, CONTEXT = range(4)  # indices of REASONS
REASONS = ("", "length", "stop", "context")


class Texts(NamedTuple):
    """What a batch has said so far.

    Attributes:
      step: scalar int32, tokens made in rows that still run.
      token: (B,) int32, the last of each row.
      made: (B,) int32, tokens of each row.
      reason: (B,) int32, why a row has ended, an index of `REASONS`.
      said: (B,) strings, the bytes so far; () where nobody looks for stop strings.
      seen: (B, V) bool, tokens that were read or said; () where nobody asks.
    """

    step: tf.Tensor
    token: tf.Tensor
    made: tf.Tensor
    reason: tf.Tensor
    said: Any
    seen: Any

    @property
    def finish_reason(self) -> tf.Tensor:
        """(B,) strings."""
        return tf.gather(tf.constant(REASONS), self.reason)


class Writer:
    """Continues one batch; what it needs of model, tokenizer and request."""

    def __init__(
        self,
        model: LanguageModel,
        tokenizer: GraphTokenizer,
        request: Request,
        limits: tf.Tensor,
        cut_short: tf.Tensor,
        most: tf.Tensor,
    ) -> None:
        """Limits and `cut_short` are those of `Prompts`; no row is given more than `most` tokens, a
        scalar int32."""
        self.model, self.tokenizer, self.request = model, tokenizer, request
        self.limits, self.cut_short = limits, cut_short
        self.draws = uniform_draws(request.seeds, most)  # (B, N) float32 in [0, 1)

    def begin(
        self, prompts: Prompts, columns: tf.Tensor, compiled: bool = False
    ) -> tuple[Any, Texts]:
        """Reads the prompts and chooses the first token; memory and texts. `compiled` by XLA?"""
        logits, memory = self.model.read(prompts.ids, prompts.first, columns)
        rows = tf.zeros_like(self.limits)
        reason = tf.where(self.limits > 0, RUNNING, self._full())
        said = () if self.request.stops is None else tf.fill(tf.shape(rows), "")
        seen = () if self.request.sampling.repetition_penalty is None else self._seen(prompts)
        nothing = Texts(tf.constant(0), rows, rows, reason, said, seen)
        return memory, self._choose(nothing, logits, compiled)

    def go_on(
        self, memory: Any, texts: Texts, until: tf.Tensor, output: Any = (), compiled: bool = False
    ) -> tuple[Any, Texts, Any]:
        """Adds tokens until a row has so many, or all rows have ended.

        Args:
          memory: of the model; used up.
          texts: as they are.
          until: scalar int32.
          output: a TensorArray that takes the tokens (B,) of every step, or ().
          compiled: whether XLA compiles this.
        """

        def body(memory: Any, texts: Texts, output: Any) -> tuple[Any, Texts, Any]:
            logits, memory = self.model.add(memory, texts.token, compiled)
            written = texts.step
            texts = self._choose(texts, logits, compiled)
            if not isinstance(output, tuple):
                output = output.write(written, texts.token)
            return memory, texts, output

        def more(memory: Any, texts: Texts, output: Any) -> tf.Tensor:
            del memory, output
            return (texts.step < until) & tf.reduce_any(tf.equal(texts.reason, RUNNING))

        return tf.while_loop(more, body, (memory, texts, output), parallel_iterations=1)

    def _full(self) -> tf.Tensor:
        """(B,): why a row ends that has as many tokens as it may have."""
        return tf.where(self.cut_short, CONTEXT, LENGTH)

    def _seen(self, prompts: Prompts) -> tf.Tensor:
        """(B, V) bool: ids of the prompts; what stands before one repeats its first."""
        batch, time = tf.unstack(tf.shape(prompts.ids))
        rows = tf.repeat(tf.range(batch), time)
        index = tf.stack([rows, tf.reshape(prompts.ids, [-1])], axis=1)
        seen = tf.zeros(tf.stack([batch, self.model.vocab_size]), tf.bool)
        return tf.tensor_scatter_nd_update(seen, index, tf.ones_like(rows, tf.bool))

    def _choose(self, texts: Texts, logits: tf.Tensor, compiled: bool = False) -> Texts:
        """One more token by logits (B, V) of what follows."""
        sampling, seen = self.request.sampling, texts.seen
        if sampling.repetition_penalty is not None:
            logits = penalize(logits, seen, sampling.repetition_penalty)
        choose = sample if compiled else sample_shared
        token = choose(logits, self.draws[:, texts.step], sampling)
        # What a graph knows of the number of rows, settings whose number it does not know hide.
        token = tf.ensure_shape(token, texts.token.shape)
        if sampling.repetition_penalty is not None:
            index = tf.stack([tf.range(tf.size(token)), token], axis=1)
            seen = tf.tensor_scatter_nd_update(seen, index, tf.ones_like(token, tf.bool))
        return self._append(texts._replace(token=token, seen=seen))

    def _append(self, texts: Texts) -> Texts:
        """The texts with the token that was chosen, and which of them it ends."""
        running = tf.equal(texts.reason, RUNNING)
        ends = tf.equal(texts.token, self.tokenizer.separator_id)
        grows = running & ~ends
        made = texts.made + tf.cast(grows, tf.int32)
        reason = tf.where(grows & (made >= self.limits), self._full(), texts.reason)
        reason = tf.where(running & ends, STOP, reason)
        said = texts.said
        if self.request.stops is not None:
            new = tf.where(grows, self.tokenizer.bytes_of(texts.token), "")
            said, found = self._say(tf.strings.join([said, new]))
            reason = tf.where(grows & found, STOP, reason)
        return texts._replace(step=texts.step + 1, made=made, reason=reason, said=said)

    def _say(self, said: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Texts (B,) up to a stop string, and whether there was one."""
        stops = self.request.stops

        def cut() -> tuple[tf.Tensor, tf.Tensor]:
            before = cut_at_stops(said, stops)
            return before, tf.strings.length(before) < tf.strings.length(said)

        some = tf.reduce_any(tf.strings.length(stops) > 0)
        return tf.cond(some, cut, lambda: (said, tf.zeros_like(stops == "", tf.bool)))
