"""What can be configured about a tokenizer, a model, its training and its voice.

Frozen and checked where it is made; ``pipeline/config.py`` puts the sections together.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gptfx.modules.tokenizers.normalization import Normalization
from gptfx.modules.tokenizers.special import SEPARATOR

Rate = Annotated[float, Field(gt=0.0)]
Precision = Literal["float32", "bfloat16", "int8"]


class Section(BaseModel):
    """A part of the configuration: frozen, and closed to keys that it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )


class TokenizerConfig(Section):
    """How text becomes ids.

    Attributes:
      kind: `bpe` (byte-level, learned from the train split, or read from `file`), `gpt2` (the
        encoding of that name in tiktoken, with OpenAI's ranks), `char` (the train split's
        characters, with bytes for unknown ones), or `byte`.
      vocab_size: of a `bpe` that is learned: ids asked for, the 256 bytes and the special tokens
        included. The other kinds have the size they have.
      allow_fewer: whether a corpus with too few pairs for `vocab_size` may give a smaller
        vocabulary, which is said; otherwise it ends the run.
      special_tokens: beside ``<|endoftext|>``, which always is one. Text never encodes to them.
      normalization: of texts and prompts, before anything else: none, NFC or NFKC. A model that
        normalizes needs tensorflow-text wherever it is loaded.
      file: of `gpt2` and `bpe`: a tiktoken rank file, a tokenizer.json of Hugging Face's, or
        GPT-2's vocab.bpe to read instead of looking for ranks, or of learning.
    """

    kind: Literal["bpe", "byte", "char", "gpt2"] = "bpe"
    vocab_size: int = Field(1024, ge=257, le=1_000_000)
    allow_fewer: bool = True
    special_tokens: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    normalization: Normalization = "none"
    file: str | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _fits_together(self) -> "TokenizerConfig":
        names = (SEPARATOR, *self.special_tokens)
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"name each special token once, and not {SEPARATOR}: {set(twice)}")
        if self.file and self.kind in ("byte", "char"):
            raise ValueError(f"kind {self.kind} is read from no file: leave tokenizer.file out")
        if self.kind == "bpe" and not self.file and self.vocab_size < 256 + len(names):
            raise ValueError(f"{len(names)} special tokens ask for {256 + len(names)} or more ids")
        return self


class ModelConfig(Section):
    """The shape of the model; names as in nanoGPT.

    Attributes:
      kind: `gpt`, or `bigram`, which only looks at the token before and ignores the other keys.
      block_size: the longest context, in tokens.
      positions: `learned`, an embedding of each position, as in GPT-2; or `rotary`
        (https://arxiv.org/abs/2104.09864).
      rotary_base: how many times slower the slowest rotary angle turns than the fastest.
      norm: `layernorm` (https://arxiv.org/abs/1607.06450), or `rmsnorm`
        (https://arxiv.org/abs/1910.07467).
      activation: `gelu` (https://arxiv.org/abs/1606.08415), or `relu2`
        (https://arxiv.org/abs/2109.08668).
      qk_norm: whether queries and keys are normalized (https://arxiv.org/abs/2010.04245).
      bias: whether linear layers and LayerNorms have one.
      tie_embeddings: whether the output layer is the token embedding
        (https://arxiv.org/abs/1608.05859).
      zero_init: whether projections into the residual stream, and an output layer of its own, start
        at zero (https://arxiv.org/abs/1901.09321).
      initializer_range: standard deviation of the other initial weights. GPT-2's 0.02 is for 768
        wide; much narrower models learn faster from larger weights.
      dropout: share of activations that are zeroed in training
        (https://jmlr.org/papers/v15/srivastava14a.html).
    """

    kind: Literal["gpt", "bigram"] = "gpt"
    block_size: int = Field(128, ge=2, le=65_536)
    n_layer: int = Field(4, ge=1, le=200)
    n_head: int = Field(4, ge=1, le=200)
    n_embd: int = Field(128, ge=1, le=65_536)
    positions: Literal["learned", "rotary"] = "learned"
    rotary_base: float = Field(10_000.0, gt=1.0)
    norm: Literal["layernorm", "rmsnorm"] = "layernorm"
    activation: Literal["gelu", "relu2"] = "gelu"
    qk_norm: bool = False
    bias: bool = True
    tie_embeddings: bool = True
    zero_init: bool = False
    initializer_range: float = Field(0.02, gt=0.0, le=1.0)
    dropout: float = Field(0.0, ge=0.0, lt=1.0)

    @model_validator(mode="after")
    def _heads_fit_width(self) -> "ModelConfig":
        self.require_width(self.n_embd)
        return self

    def require_width(self, n_embd: int) -> None:
        """Raises ValueError where the heads of this model could not share a width."""
        if n_embd % self.n_head:
            raise ValueError(
                f"n_embd must be a multiple of n_head (n_embd={n_embd}, n_head={self.n_head})"
            )
        if self.positions == "rotary" and n_embd // self.n_head % 2:
            raise ValueError(
                "rotary positions need heads of even width"
                f" (n_embd / n_head = {n_embd} / {self.n_head} = {n_embd // self.n_head})"
            )


class TrainerConfig(Section):
    """How the model is fitted.

    Attributes:
      steps: number of updates; 0 exports the model untrained, which the gate should refuse.
      batch_size: windows of `block_size` tokens an update.
      accumulate: into so many parts the batch of a replica is cut, one after the other, to save
        memory; the gradients are added up.
      windows: `shuffled`, the windows of the text in an order that changes with every epoch; or
        `random`, which draws them with replacement (and is what `data.weights` does).
      streaming: reads the windows from the files all along, for a corpus larger than memory.
      shuffle_buffer: of `streaming`: so many windows are shuffled.
      optimizer: `adamw` for all weights; or `muon`, which is for the matrices of linear layers, and
        AdamW for the others.
      learning_rate: AdamW's, its peak.
      muon_learning_rate: Muon's, its peak.
      muon_momentum: Muon's share of the past.
      schedule: `warmup-cosine` or `warmup-stable-decay`, of both learning rates.
      decay_share: of `warmup-stable-decay`: the last part of the steps, in which it decays.
      min_learning_rate_ratio: the last learning rate as a share of the peak.
      warmup_steps: updates until the peak.
      weight_decay: AdamW's, decoupled, on matrices only.
      muon_weight_decay: Muon's, decoupled.
      beta_2: AdamW's second decay.
      gradient_clip: the largest global norm of the gradients.
      ema: share of the past in an average of the weights, which is then what is exported; null for
        none (https://arxiv.org/abs/1312.6026).
      precision: `float32`; or of activations and products `bfloat16`, or `float16`, whose loss is
        scaled up so that gradients stay above zero (https://arxiv.org/abs/1710.03740). Weights and
        the exported model are float32 always.
      jit_compile: whether XLA compiles the step; measure first, on a CPU it is seldom faster.
      device: `cpu`; `gpu`, an error if there is none; or `auto`, GPUs if there are any.
      gpus: so many GPUs, an error if there are fewer; null for all there are.
      init_from: a folder to start from: of a GPT-2 as Hugging Face keeps it, or of a model that was
        exported here.
      seed: of the initial weights and of the order of the windows.
      log_every: updates between two lines of the log and points of the curves. All that follows
        happens at the next such point.
      checkpoint_every: updates between two checkpoints.
      checkpoint_seconds: or so much time.
      validate_every: updates between two looks at the eval split; null for none.
      validation_tokens: so much of the eval split is looked at.
      patience: training ends early after so many looks without a better one; null for never.
      export: the weights of the `last` step, or of the `best` look.
      sample_every: updates between two samples of text in TensorBoard; null for none.
      divergence: training ends where the loss is so many nats above its lowest.
    """

    steps: int = Field(1000, ge=0)
    batch_size: int = Field(16, ge=1)
    accumulate: int = Field(1, ge=1)
    windows: Literal["shuffled", "random"] = "shuffled"
    streaming: bool = False
    shuffle_buffer: int = Field(10_000, ge=1)
    optimizer: Literal["adamw", "muon"] = "adamw"
    learning_rate: float = Field(3e-3, gt=0.0)
    muon_learning_rate: float = Field(0.02, gt=0.0)
    muon_momentum: float = Field(0.95, ge=0.0, lt=1.0)
    schedule: Literal["warmup-cosine", "warmup-stable-decay"] = "warmup-cosine"
    decay_share: float = Field(0.4, gt=0.0, le=1.0)
    min_learning_rate_ratio: float = Field(0.05, ge=0.0, le=1.0)
    warmup_steps: int = Field(50, ge=0)
    weight_decay: float = Field(0.1, ge=0.0)
    muon_weight_decay: float = Field(0.0, ge=0.0)
    beta_2: float = Field(0.99, gt=0.0, lt=1.0)
    gradient_clip: float = Field(1.0, gt=0.0)
    ema: float | None = Field(None, gt=0.0, lt=1.0)
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    jit_compile: bool = False
    device: Literal["auto", "cpu", "gpu"] = "auto"
    gpus: int | None = Field(None, ge=1)
    init_from: str | None = Field(None, min_length=1)
    seed: int = Field(1337, ge=0, lt=2**31)
    log_every: int = Field(20, ge=1)
    checkpoint_every: int = Field(500, ge=1)
    checkpoint_seconds: float = Field(120.0, gt=0.0)
    validate_every: int | None = Field(None, ge=1)
    validation_tokens: int = Field(100_000, ge=1)
    patience: int | None = Field(None, ge=1)
    export: Literal["last", "best"] = "last"
    sample_every: int | None = Field(None, ge=1)
    divergence: float = Field(3.0, gt=0.0)

    @model_validator(mode="after")
    def _fits_together(self) -> "TrainerConfig":
        if self.batch_size % self.accumulate:
            raise ValueError(
                "batch_size must be a multiple of accumulate"
                f" (batch_size={self.batch_size}, accumulate={self.accumulate})"
            )
        if self.validate_every is None and (self.patience or self.export == "best"):
            raise ValueError("patience and export=best look at the eval split: set validate_every")
        if self.gpus and self.device == "cpu":
            raise ValueError(f"device=cpu has no GPUs (gpus={self.gpus})")
        return self


class TunerConfig(Section):
    """A search, before the training, for the learning rate, width and depth that suit the text.

    Values are drawn at random; each trial is a short training, and what decides is its loss on the
    eval split, in nats a token.

    Attributes:
      enabled: whether there is a search; then `trainer.learning_rate`, `model.n_embd` and
        `model.n_layer` become what it finds.
      trials: how many are made; fewer where there are not as many combinations.
      steps: updates of a trial.
      learning_rate: the lowest and the highest peak, and every factor between them is equally
        likely; null for a third to three times `trainer.learning_rate`. Where `trainer.optimizer`
        is `muon`, Muon's peak moves by the same factor.
      n_embd: the widths to choose from, multiples of `model.n_head`; null for half of
        `model.n_embd`, as it is, and half as much again (or, with `trainer.init_from`, as it is).
      n_layer: the depths to choose from; null for the same of `model.n_layer`.
      seed: of what is drawn; the trials begin from `trainer.seed`, as the training does.
    """

    enabled: bool = False
    trials: int = Field(6, ge=1)
    steps: int = Field(200, ge=1)
    learning_rate: tuple[Rate, Rate] | None = None
    n_embd: tuple[Annotated[int, Field(ge=1, le=65_536)], ...] | None = Field(None, min_length=1)
    n_layer: tuple[Annotated[int, Field(ge=1, le=200)], ...] | None = Field(None, min_length=1)
    # To KerasTuner 0 is none at all. The first draws of 42 lie well apart.
    seed: int = Field(42, ge=1, lt=2**31)

    @field_validator("learning_rate")
    @classmethod
    def _lowest_first(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value and value[0] > value[1]:
            raise ValueError(f"give the lowest first: [{value[1]}, {value[0]}]")
        return value

    def around(self, model: ModelConfig, trainer: TrainerConfig) -> "TunerConfig":
        """With what is null filled in, where there is a search.

        Raises ValueError for a model and a training that these values could not be of.
        """
        if not self.enabled:
            return self
        if model.kind == "bigram":
            raise ValueError("the bigram is counted and has nothing to tune: set enabled=false")
        rate, halves = trainer.learning_rate, (2,) if trainer.init_from else (1, 2, 3)
        head = 2 if model.positions == "rotary" else 1  # the narrowest there can be
        widths = _around(model.n_embd, halves, head * model.n_head)
        values = {
            "learning_rate": self.learning_rate or (rate / 3, rate * 3),
            "n_embd": self.n_embd or widths,
            "n_layer": self.n_layer or _around(model.n_layer, halves, 1),
        }
        complete = TunerConfig.model_validate({**self.model_dump(), **values})
        complete._require_fit(model, trainer)
        return complete

    def _require_fit(self, model: ModelConfig, trainer: TrainerConfig) -> None:
        for width in self.n_embd or ():
            model.require_width(width)
        shape = (model.n_embd,), (model.n_layer,)
        if trainer.init_from and (self.n_embd, self.n_layer) != shape:
            raise ValueError(
                "the weights of trainer.init_from have their shape: set"
                f" n_embd=[{model.n_embd}] and n_layer=[{model.n_layer}], or leave them out"
            )


def _around(value: int, halves: tuple[int, ...], unit: int) -> tuple[int, ...]:
    """So many halves of a value, in whole units and at least one of them."""
    return tuple(sorted({max(1, value // unit * half // 2) * unit for half in halves}))


class BigramConfig(Section):
    """The baseline: how likely a token is after another, from counts.

    Attributes:
      smoothing: strength of the back-off to how often a token occurs at all, in imagined
        observations.
      dense_up_to: the largest vocabulary for which the whole table is kept; above it only the pairs
        that were seen are.
    """

    smoothing: float = Field(8.0, gt=0.0)
    dense_up_to: int = Field(8192, ge=0, le=16_384)


STOP_SEPARATOR = "\x1f"  # unit separator, between the several stop strings of one prompt
MOST_STOPS = 64  # of a prompt
HOTTEST = 1e9  # temperature


class GenerationConfig(Section):
    """What `serving_default` does with a prompt; every value is fixed at export.

    Attributes:
      max_new_tokens: how many tokens are made.
      temperature: 0 always takes the likeliest token.
      top_k: only so many of the likeliest tokens are drawn from; 0 for all.
      top_p: only the likeliest tokens that reach this share are drawn from.
      seed: of the draws; the same prompt gives the same text.
      beyond_block_size: what happens when prompt and text together outgrow the model's context:
        they `slide` on, and of each token only the last `block_size` before it are seen, or they
        `end`, with the reason `context`. Learned positions can only end, and None means what the
        model can do.
      longest_prompt: bytes of a prompt that are taken at most.
      most_new_tokens: that a request may ask for.
      largest_batch: prompts in a request.
      weights: to what they are rounded at export; the gates judge the model as it is then. What is
        narrower than float32 makes `generate_compiled` faster for a prompt that comes alone.
    """

    max_new_tokens: int = Field(160, ge=1, le=100_000)
    temperature: float = Field(0.8, ge=0.0, le=HOTTEST)
    top_k: int = Field(50, ge=0, lt=2**31)
    top_p: float = Field(0.95, gt=0.0, le=1.0)
    seed: int = Field(0, ge=0, lt=2**63)
    beyond_block_size: Literal["slide", "end"] | None = None
    longest_prompt: int = Field(65_536, ge=1, lt=2**31)
    most_new_tokens: int = Field(4096, ge=1, le=100_000)
    largest_batch: int = Field(32, ge=1, le=4096)
    weights: Precision = "float32"

    @model_validator(mode="after")
    def _within_bounds(self) -> "GenerationConfig":
        if self.max_new_tokens > self.most_new_tokens:
            raise ValueError(
                f"max_new_tokens is above most_new_tokens, which is {self.most_new_tokens}"
            )
        return self
