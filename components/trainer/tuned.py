"""What a tuner found, put in the place of what was configured."""

from typing import Any

from gptfx.modules.config import ModelConfig, TrainerConfig

TUNED = "tuned"  # the entry of the model's card
SHAPE = ("n_embd", "n_layer")


def tuned(config: dict[str, Any], hyperparameters: dict[str, Any] | None) -> dict[str, Any]:
    """A trainer's configuration with the values that a tuner chose.

    AdamW and Muon keep the ratio of their learning rates: where there is Muon, its own moves by the
    factor by which AdamW's does.

    Args:
      config: with the sections `model` and `trainer`.
      hyperparameters: as KerasTuner writes them; None where nothing was tuned.

    Returns:
      `config` with other values in both sections, and with the values chosen as `tuned`.

    Raises:
      pydantic.ValidationError: the values make no model, or no training.
    """
    if hyperparameters is None:
        return config
    values = {key: hyperparameters["values"][key] for key in ("learning_rate", *SHAPE)}
    model = {**config["model"], **{key: values[key] for key in SHAPE}}
    trainer = {**config["trainer"], "learning_rate": values["learning_rate"]}
    if trainer["optimizer"] == "muon":
        factor = values["learning_rate"] / config["trainer"]["learning_rate"]
        trainer["muon_learning_rate"] *= factor
    return {
        **config,
        "model": ModelConfig.model_validate(model).model_dump(),
        "trainer": TrainerConfig.model_validate(trainer).model_dump(),
        TUNED: values,
    }
