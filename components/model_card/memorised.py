"""How much of what the model says unasked it says word for word from its training text.

Windows of what it says, from the document separator and from short beginnings out of the eval
split, are looked for in the train split, the passages of each source joined in order; and beside
them as many windows of the eval split, which nobody learned from: what a text has in common with
the training text without any memory. The tokenizer's normalization holds for both sides, and bytes
that are no UTF-8 count as U+FFFD, as for the model. See ``modules/evaluation/memorisation.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gptfx.components.examples import EVAL, TRAIN
from gptfx.components.model_card.data import texts_of
from gptfx.components.model_card.excerpts import excerpts
from gptfx.components.model_card.inputs import Given, Json
from gptfx.components.model_card.said import Speaker
from gptfx.modules.evaluation.memorisation import WINDOW, Search, Share, Window, windows_of
from gptfx.modules.export.card import at_most
from gptfx.modules.tokenizers.normalization import normalize
from gptfx.modules.tokenizers.tokenizer import Tokenizer

EXCERPTS = 64  # stretches of the eval split that are looked at
PROMPT_TOKENS = 4
TEXT_TOKENS = 256  # of a text, at most
IN_VAIN = 4  # requests without a single window, after which no more are made


@dataclass
class Said:
    """What the model said."""

    texts: int = 0
    tokens: int = 0
    windows: list[Window] = field(default_factory=list)


def describe_memorisation(given: Given, speaker: Speaker) -> Json:
    """`window_tokens`, `said` and `held_out`."""
    held_out = excerpts(given.split(EVAL), EXCERPTS)
    said = _speak(given, speaker, held_out)
    others = [window for text in held_out for window in _windows(text, given.tokenizer)]
    others = others[:: max(1, len(others) // given.windows)][: given.windows]
    search = Search([*said.windows, *others])
    for passages in texts_of(given.split(TRAIN)):
        search.read(_as_learned(text, given.tokenizer) for text in passages)
    spoken = {"texts": said.texts, "tokens": said.tokens}
    return {
        "window_tokens": WINDOW,
        "said": {**spoken, **_share(search.share_of(said.windows))},
        "held_out": _share(search.share_of(others)),
    }


def _speak(given: Given, speaker: Speaker, held_out: Sequence[str]) -> Said:
    """Until there are as many windows as were asked for; a model the texts of which are too short
    gives fewer, after as many requests as would do with one window a text."""
    openings = [speaker.fitting(text, PROMPT_TOKENS) for text in held_out] or [""]
    most = at_most(given.card, "most_new_tokens", TEXT_TOKENS)
    request, said = speaker.request._replace(max_new_tokens=most), Said()
    for index in range(-(-given.windows // speaker.rows)):
        if len(said.windows) >= given.windows or (index >= IN_VAIN and not said.windows):
            break
        first = index * speaker.rows
        rows = range(first, first + speaker.rows)
        prompts = [openings[row // 2 % len(openings)] if row % 2 else "" for row in rows]
        for made in speaker.say(prompts, request._replace(seed=request.seed + first)):
            said.texts, said.tokens = said.texts + 1, said.tokens + made.tokens
            said.windows += _windows(made.text, given.tokenizer)
    del said.windows[given.windows :]
    return said


def _windows(text: str, tokenizer: Tokenizer) -> list[Window]:
    ids = tokenizer.encode(text.encode())
    return windows_of([tokenizer.token_bytes[index] for index in ids])


def _as_learned(text: bytes, tokenizer: Tokenizer) -> bytes:
    return normalize(text.decode("utf-8", "replace"), tokenizer.normalization).encode()


def _share(share: Share) -> Json:
    return {**share._asdict(), "share": share.share}
