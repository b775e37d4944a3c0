"""What a model's nats add up to: sums first, ratios at the end, never means of ratios."""

import math
from collections.abc import Iterable
from typing import NamedTuple

LARGEST_EXPONENT = 700.0  # of a float64


class Sums(NamedTuple):
    """Sums over examples; see ``scoring.py`` for what each counts."""

    nats: float = 0.0
    tokens: float = 0.0
    bytes: float = 0.0
    correct: float = 0.0

    def plus(self, other: "Sums") -> "Sums":
        """The sums over both."""
        return Sums(*(mine + yours for mine, yours in zip(self, other, strict=True)))

    @property
    def nats_per_token(self) -> float:
        """Depends on the tokenizer; NaN of no token."""
        return self.nats / self.tokens if self.tokens else math.nan


def add_up(parts: Iterable[Sums]) -> Sums:
    """The sums over all parts."""
    total = Sums()
    for part in parts:
        total = total.plus(part)
    return total


def bits_per_byte(sums: Sums) -> float:
    """Bits the model needs for a byte of text: comparable across tokenizers; lower is better."""
    return sums.nats / math.log(2) / sums.bytes if sums.bytes else math.nan


def perplexity(sums: Sums) -> float:
    """exp(nats a token): as if the model chose among so many tokens; depends on the tokenizer."""
    return math.exp(min(sums.nats_per_token, LARGEST_EXPONENT)) if sums.tokens else math.nan


def token_accuracy(sums: Sums) -> float:
    """Share of tokens that the model held likeliest."""
    return sums.correct / sums.tokens if sums.tokens else math.nan
