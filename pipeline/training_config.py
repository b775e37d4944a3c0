"""The configuration of `gptfx train MODEL`: a preset, what the model's name means, and changes."""

from gptfx.data.errors import InputError
from gptfx.pipeline.config import Config, load_config

# The preset of each model, where none is named.
PRESETS = {"bigram": "bigram", "gpt": "default", "gpt2": "default"}
# What makes a GPT a GPT-2; its size and its training are the preset's.
GPT2 = {
    "positions": "learned",
    "norm": "layernorm",
    "activation": "gelu",
    "qk_norm": False,
    "bias": True,
    "tie_embeddings": True,
    "zero_init": False,
}
GPT2_TOKENIZER = "tokenizer.kind=gpt2"  # --set takes another


def training_config(
    model: str, preset: str | None, settings: list[str], corpora: list[str]
) -> Config:
    """As `load_config`, for `bigram`, `gpt` or `gpt2`.

    Raises InputError for another model, a preset that is of another kind of model, a setting that
    contradicts the model's name, and what only the pipeline does.
    """
    if model not in PRESETS:
        raise InputError("no such model", model, f"name one of {', '.join(PRESETS)}")
    meant = [GPT2_TOKENIZER, *(f"model.{key}={value}" for key, value in GPT2.items())]
    before = meant if model == "gpt2" else []
    config = load_config(preset or PRESETS[model], [*before, *settings], corpora)
    _require_kind(model, config)
    if model == "gpt2":
        _require_gpt2(config)
    _require_possible(config)
    return config


def _require_possible(config: Config) -> None:
    """Raises InputError for what the pipeline alone does, rather than pass over it in silence."""
    if config.trainer.streaming:
        remedy = "leave it out, or let `gptfx run` stream"
        raise InputError(
            "gptfx train keeps the tokens in memory", "trainer.streaming = True", remedy
        )
    if config.tuner.enabled:
        remedy = "leave it out, or let `gptfx run` search"
        raise InputError("gptfx train searches for nothing", "tuner.enabled = True", remedy)


def _require_kind(model: str, config: Config) -> None:
    kind = "bigram" if model == "bigram" else "gpt"
    if config.model.kind != kind:
        raise InputError(
            f"the preset {config.preset} is not of a {model}",
            f"model.kind = {config.model.kind}",
            f"name another --preset, or --set model.kind={kind}",
        )


def _require_gpt2(config: Config) -> None:
    for key, value in GPT2.items():
        if (given := getattr(config.model, key)) != value:
            raise InputError(
                "this would be no GPT-2", f"model.{key} = {given}", "leave it out, or train gpt"
            )
