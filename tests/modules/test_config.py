"""A configuration that makes no sense is refused where it is made."""

import pytest
from pydantic import ValidationError

from gptfx.modules.config import (
    BigramConfig,
    GenerationConfig,
    ModelConfig,
    Section,
    TokenizerConfig,
    TrainerConfig,
    TunerConfig,
)

SECTIONS = [
    TokenizerConfig,
    ModelConfig,
    TrainerConfig,
    TunerConfig,
    BigramConfig,
    GenerationConfig,
]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_the_defaults_make_sense(section: type[Section]) -> None:
    assert section() == section.model_validate(section().model_dump())


@pytest.mark.parametrize(
    ("section", "values"),
    [
        (TokenizerConfig, {"vocab_size": 256}),
        (TokenizerConfig, {"kind": "wordpiece"}),
        (ModelConfig, {"kind": "rnn"}),
        (ModelConfig, {"block_size": 1}),
        (ModelConfig, {"n_layer": 0}),
        (ModelConfig, {"n_head": 0}),
        (ModelConfig, {"dropout": 1.0}),
        (ModelConfig, {"dropout": -0.1}),
        (TrainerConfig, {"steps": -1}),
        (TrainerConfig, {"batch_size": 0}),
        (TrainerConfig, {"learning_rate": 0.0}),
        (TrainerConfig, {"learning_rate": "nan"}),
        (TrainerConfig, {"min_learning_rate_ratio": 1.1}),
        (TrainerConfig, {"beta_2": 1.0}),
        (TrainerConfig, {"gradient_clip": 0.0}),
        (TrainerConfig, {"seed": 2**31}),
        (TrainerConfig, {"log_every": 0}),
        (BigramConfig, {"smoothing": 0.0}),
        (BigramConfig, {"dense_up_to": 50_257}),
        (GenerationConfig, {"max_new_tokens": 0}),
        (GenerationConfig, {"temperature": -1.0}),
        (GenerationConfig, {"top_k": 2**31}),
        (GenerationConfig, {"top_p": 0.0}),
        (GenerationConfig, {"top_p": 1.1}),
        (GenerationConfig, {"seed": 2**63}),
    ],
    ids=str,
)
def test_impossible_values_are_refused_by_name(
    section: type[Section], values: dict[str, object]
) -> None:
    with pytest.raises(ValidationError) as raised:
        section.model_validate(values)
    assert [error["loc"] for error in raised.value.errors()] == [tuple(values)]


def test_heads_must_share_the_width_evenly() -> None:
    with pytest.raises(ValidationError, match=r"n_embd=128, n_head=3"):
        ModelConfig(n_head=3)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_an_unknown_key_is_refused(section: type[Section]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        section.model_validate({"vocabsize": 1})


def test_a_section_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        ModelConfig().n_layer = 2  # type: ignore[misc]
