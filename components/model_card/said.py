"""What the exported model says, asked as anybody would ask it, with the settings of its export."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gptfx.components.examples import EVAL
from gptfx.components.model_card.excerpts import excerpts
from gptfx.components.model_card.inputs import Given, Json
from gptfx.modules.export.card import at_most
from gptfx.modules.generation.speak import Answer, Request, answer, load
from gptfx.modules.tokenizers.tokenizer import Tokenizer

OPENING_TOKENS = 8  # of the prompt from the eval split
ROWS = 8  # prompts that are asked about at once
SAMPLING = ("max_new_tokens", "temperature", "top_k", "top_p")


@dataclass(frozen=True)
class Speaker:
    """The model, and how it is asked."""

    model: Any
    request: Request
    rows: int
    longest_prompt: int  # bytes
    longest_in_tokens: int
    tokenizer: Tokenizer

    def say(self, prompts: Sequence[str], request: Request) -> Iterator[Answer]:
        """The answers; of prompt n (from 0) the seed is the request's plus n."""
        for start in range(0, len(prompts), self.rows):
            asked = request._replace(seed=request.seed + start)
            yield from answer(self.model, prompts[start : start + self.rows], asked)

    def fitting(self, prompt: str, tokens: int | None = None) -> str:
        """The beginning of a prompt that the model takes, in whole characters."""
        data = prompt.encode()[: self.longest_prompt]
        ids = self.tokenizer.encode(data.decode("utf-8", "ignore").encode())
        most = min(tokens or self.longest_in_tokens, self.longest_in_tokens)
        if len(data) == len(prompt.encode()) and len(ids) <= most:
            return prompt
        return self.tokenizer.decode(ids[:most]).decode("utf-8", "ignore")


def load_speaker(given: Given) -> Speaker:
    """The model of the node, ready to be asked."""
    settings = given.card["generation"]
    request = Request(*(settings[name] for name in SAMPLING), settings["seed"])
    return Speaker(
        load(given.model),
        request,
        at_most(given.card, "largest_batch", ROWS),
        settings["longest_prompt"],
        max(1, given.card["model"]["block_size"] // 2),  # and the other half for what it says
        given.tokenizer,
    )


def describe_samples(given: Given, speaker: Speaker) -> Json:
    """`samples` and `sampling`."""
    openings = [
        speaker.fitting(text, OPENING_TOKENS) for text in excerpts(given.split(EVAL), most=1)
    ]
    prompts = [speaker.fitting(prompt) for prompt in given.prompts] + openings
    said = speaker.say(prompts, speaker.request)
    samples = [
        {"prompt": prompt, "seed": speaker.request.seed + row, "text": made.text}
        for row, (prompt, made) in enumerate(zip(prompts, said, strict=True))
    ]
    settings = {name: getattr(speaker.request, name) for name in SAMPLING}
    return {"samples": samples, "sampling": settings}
