"""What can be configured about a tokenizer, a model, its training and its voice.

Frozen and checked where it is made; ``pipeline/config.py`` puts the sections together.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gptfx.modules.tokenizers.normalization import Normalization
from gptfx.modules.tokenizers.special import SEPARATOR


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
        if self.n_embd % self.n_head:
            raise ValueError(
                f"n_embd must be a multiple of n_head (n_embd={self.n_embd}, n_head={self.n_head})"
            )
        if self.positions == "rotary" and self.n_embd // self.n_head % 2:
            raise ValueError(
                "rotary positions need heads of even width"
                f" (n_embd / n_head = {self.n_embd // self.n_head})"
            )
        return self


class TrainerConfig(Section):
    """How the model is fitted.

    Attributes:
      steps: number of updates; 0 exports the model untrained, which the gate should refuse.
      batch_size: windows of `block_size` tokens an update.
      optimizer: `adamw` for all weights; or `muon`, which is for the matrices of linear layers, and
        AdamW for the others.
      learning_rate: AdamW's, its peak.
      muon_learning_rate: Muon's, its peak.
      schedule: `warmup-cosine` or `warmup-stable-decay`, of both learning rates.
      decay_share: of `warmup-stable-decay`: the last part of the steps, in which it decays.
      min_learning_rate_ratio: the last learning rate as a share of the peak.
      warmup_steps: updates until the peak.
      weight_decay: AdamW's, decoupled, on matrices only.
      muon_weight_decay: Muon's, decoupled.
      beta_2: AdamW's second decay.
      gradient_clip: the largest global norm of the gradients.
      seed: of the initial weights and of the order of the windows.
      log_every: updates between two lines of the log and points of the TensorBoard curves.
    """

    steps: int = Field(1000, ge=0)
    batch_size: int = Field(16, ge=1)
    optimizer: Literal["adamw", "muon"] = "adamw"
    learning_rate: float = Field(3e-3, gt=0.0)
    muon_learning_rate: float = Field(0.02, gt=0.0)
    schedule: Literal["warmup-cosine", "warmup-stable-decay"] = "warmup-cosine"
    decay_share: float = Field(0.4, gt=0.0, le=1.0)
    min_learning_rate_ratio: float = Field(0.05, ge=0.0, le=1.0)
    warmup_steps: int = Field(50, ge=0)
    weight_decay: float = Field(0.1, ge=0.0)
    muon_weight_decay: float = Field(0.0, ge=0.0)
    beta_2: float = Field(0.99, gt=0.0, lt=1.0)
    gradient_clip: float = Field(1.0, gt=0.0)
    seed: int = Field(1337, ge=0, lt=2**31)
    log_every: int = Field(20, ge=1)


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


class GenerationConfig(Section):
    """What `serving_default` does with a prompt; every value is fixed at export.

    Attributes:
      max_new_tokens: how many tokens are made.
      temperature: 0 always takes the likeliest token.
      top_k: only so many of the likeliest tokens are drawn from; 0 for all.
      top_p: only the likeliest tokens that reach this share are drawn from.
      seed: of the draws; the same prompt gives the same text.
    """

    max_new_tokens: int = Field(160, ge=1, le=4096)
    temperature: float = Field(0.8, ge=0.0)
    top_k: int = Field(50, ge=0, lt=2**31)
    top_p: float = Field(0.95, gt=0.0, le=1.0)
    seed: int = Field(0, ge=0, lt=2**63)
