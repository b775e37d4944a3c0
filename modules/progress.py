"""How long work says how far it is: log records for a person, a bar or a cluster's log."""

import logging
from dataclasses import dataclass

LOGGER = logging.getLogger("gptfx.progress")


@dataclass(frozen=True)
class Progress:
    """Where a training run, or other counted work, stands.

    Attributes:
      what: the work in a word, `training`.
      done: units done so far.
      total: units asked for.
      unit: what is counted, `step`.
      loss: mean training loss since the last report, in nats a token; None where there is none.
      tokens_per_second: speed since the last report; None where no tokens flow.
      seconds_left: at the present speed.
      validation_loss: on the eval split, in nats a token; None where nobody looked.
    """

    what: str
    done: int
    total: int
    unit: str
    loss: float | None = None
    tokens_per_second: float | None = None
    seconds_left: float | None = None
    validation_loss: float | None = None

    def __str__(self) -> str:
        parts = [f"{self.what}: {self.unit} {self.done}/{self.total}"]
        if self.loss is not None:
            parts.append(f"loss {self.loss:.3f} nats/token")
        if self.validation_loss is not None:
            parts.append(f"on the eval split {self.validation_loss:.3f}")
        if self.tokens_per_second is not None:
            parts.append(f"{self.tokens_per_second:,.0f} tokens/s")
        if self.seconds_left is not None:
            parts.append(f"{self.seconds_left:.0f} s left")
        return ", ".join(parts)


def report(progress: Progress) -> None:
    """Logs `progress`; handlers find the object itself as ``record.progress``."""
    LOGGER.info("%s", progress, extra={"progress": progress})


def notice(text: str) -> None:
    """Logs what a person should know though the work goes on; also as ``record.notice``."""
    LOGGER.warning("%s", text, extra={"notice": text})
