"""``gptfx generate``: text from a pushed model, or from another, as it is made."""

import json
import os
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer

from gptfx.data.errors import InputError
from gptfx.modules.export.card import at_most
from gptfx.modules.export.versions import require_model
from gptfx.pipeline.cli.options import VERBOSE, layout_of
from gptfx.pipeline.cli.prompts import place_of, read_prompts
from gptfx.pipeline.layout import DEFAULT_ROOT
from gptfx.pipeline.pushed import LATEST, model_folder

if TYPE_CHECKING:
    from gptfx.modules.generation.speak import Answer, Request

MODEL = typer.Option(
    LATEST, help="`latest`, the number of a pushed version, or a model's folder (of `gptfx train`)."
)
ROOT = typer.Option(DEFAULT_ROOT, help="The root that `gptfx run` was given.")

USUAL_TOKENS, USUAL_BATCH = 160, 8
CUT_SHORT = "the text ends here: the model cannot see further"


def generate(
    prompt: str | None = typer.Argument(None, help="What the text starts with."),
    file: str | None = typer.Option(
        None, "--file", metavar="FILE|-", help="A prompt a line; `-` is standard input."
    ),
    max_new_tokens: int | None = typer.Option(
        None,
        min=0,
        help="How many tokens to make; the model says how many at most. If not given 160, or that.",
    ),
    temperature: float = typer.Option(
        0.8, min=0.0, max=1e9, help="0 always takes the likeliest token."
    ),
    top_k: int = typer.Option(
        50, min=0, max=2**31 - 1, help="Draw from so many likeliest tokens; 0: all."
    ),
    top_p: float = typer.Option(0.95, help="Draw from the likeliest tokens up to this share."),
    min_p: float = typer.Option(
        0.0, min=0.0, max=1.0, help="Draw from tokens at least this share as likely as the first."
    ),
    repetition_penalty: float = typer.Option(
        1.0, min=0.01, max=100.0, help="Above 1 makes tokens less likely that occurred already."
    ),
    stop: list[str] = typer.Option([], help="Ends a text before these words; may be repeated."),
    seed: int | None = typer.Option(
        None, min=-(2**62), max=2**62, help="Fixes the draws; random if not given."
    ),
    batch_size: int | None = typer.Option(
        None,
        min=1,
        help="Prompts of a file that are continued at once; 8, or fewer if the model takes fewer.",
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON object for each prompt."),
    model: str = MODEL,
    root: Path = ROOT,
    verbose: bool = VERBOSE,
) -> None:
    """Continues PROMPT, or each line of --file or of standard input.

    A single text appears as it is made; those of a file are followed by an empty line each. With a
    seed, prompt number n of a file (from 0) has the seed plus n.
    """
    del verbose  # main() looks for it
    if not 0.0 < top_p <= 1.0:
        raise InputError("--top-p is a share", top_p, "give more than 0 and at most 1")
    words = _stops(stop)
    prompts = read_prompts(prompt, file)
    layout = layout_of(root)
    folder = model_folder(model, layout)
    card = require_model(folder)
    _require_within(card, max_new_tokens, batch_size)
    if max_new_tokens is None:
        max_new_tokens = at_most(card, "most_new_tokens", USUAL_TOKENS)
    from gptfx.pipeline.quiet import quiet

    with quiet(layout.logs / "generate.log") as (out, err):
        from gptfx.modules.generation.speak import Request, load

        seed = random.randrange(2**31) if seed is None else seed
        request = Request(
            max_new_tokens, temperature, top_k, top_p, seed, min_p, repetition_penalty, words
        )
        loaded = load(folder)
        if prompt is not None and not as_json:
            _stream(loaded, next(prompts), request, out, err)
            return
        at_once = batch_size or at_most(card, "largest_batch", USUAL_BATCH)
        place = "" if prompt is not None else place_of(file)
        made = _continue(loaded, prompts, request, at_once, place)
        origin = {"model_id": card.get("model_id"), "model": str(folder)}
        for number, (each, answer) in enumerate(made):
            shown = _as_json(each, answer, seed + number, origin) if as_json else each + answer.text
            print(shown, file=out, end="\n" if as_json else "\n\n", flush=True)
            if not as_json and answer.finish_reason == "context":
                print(f"gptfx: {place}, line {number + 1}: {CUT_SHORT}", file=err)


def _stops(stop: list[str]) -> tuple[str, ...]:
    """What may end a text, as the model's `stop` takes it. Raises InputError for others."""
    from gptfx.modules.config import MOST_STOPS

    if len(stop) > MOST_STOPS:
        raise InputError("--stop: too many", len(stop), f"give at most {MOST_STOPS}")
    return tuple(map(_stop_words, stop))


def _stop_words(words: str) -> str:
    from gptfx.modules.config import STOP_SEPARATOR

    if not words:
        raise InputError("--stop is empty", words, "give the words that a text shall end before")
    if STOP_SEPARATOR in words:
        raise InputError("--stop holds U+001F", words, "give words without it")
    try:
        words.encode()
    except UnicodeEncodeError:
        raise InputError("--stop is not UTF-8", os.fsencode(words), "give words that are") from None
    return words


def _require_within(
    card: dict[str, Any], max_new_tokens: int | None, batch_size: int | None
) -> None:
    """Raises InputError for more than the model takes, before it is loaded."""
    asked = {
        "--max-new-tokens": (max_new_tokens or 0, "most_new_tokens"),
        "--batch-size": (batch_size or 0, "largest_batch"),
    }
    for option, (given, key) in asked.items():
        if given > (most := at_most(card, key, given)):
            raise InputError(f"{option}: more than the model takes", given, f"give at most {most}")


def _stream(model: Any, prompt: str, request: "Request", out: TextIO, err: TextIO) -> None:
    """Prints a text as it is made; nothing before the model has taken the prompt."""
    from gptfx.modules.generation.speak import stream

    start = prompt
    for piece in stream(model, prompt, request):
        print(start + piece.text, end="", file=out, flush=True)
        start = ""
    print(file=out, flush=True)
    if piece.finish_reason == "context":
        print(f"gptfx: {CUT_SHORT}", file=err)


def _continue(
    model: Any, prompts: Iterator[str], request: "Request", at_once: int, place: str
) -> Iterator[tuple[str, "Answer"]]:
    """Each prompt with its answer, a batch after the other; `place` is where they come from."""
    count = 0
    for batch in _batches(prompts, at_once):
        yield from zip(batch, _answers(model, batch, request, place, count), strict=True)
        request = request._replace(seed=request.seed + len(batch))
        count += len(batch)


def _batches(prompts: Iterator[str], size: int) -> Iterator[list[str]]:
    """What stands before a line that cannot be read is handed out before that is said."""
    batch, trouble = [], None
    while trouble is None:
        batch = []
        try:
            batch.extend(islice(prompts, size))
        except InputError as error:
            trouble = error
        if batch:
            yield batch
        elif trouble is None:
            return
    raise trouble


def _answers(
    model: Any, batch: list[str], request: "Request", place: str, before: int
) -> Iterator["Answer"]:
    """Of a batch with so many prompts before it. Where one is refused, those in front of it are
    answered all the same, however many were asked at once."""
    from gptfx.modules.generation.speak import answer

    try:
        answers = answer(model, batch, request)
    except InputError as error:
        if len(batch) == 1:
            where = f"{place}, line {before + 1}: " if place else ""
            raise InputError(where + error.problem, error.received, error.remedy) from None
        for row, prompt in enumerate(batch):
            alone = request._replace(seed=request.seed + row)
            yield from _answers(model, [prompt], alone, place, before + row)
    else:
        yield from answers


def _as_json(prompt: str, answer: "Answer", seed: int, origin: dict[str, Any]) -> str:
    content = {"prompt": prompt, **answer._asdict(), "seed": seed, **origin}
    return json.dumps(content, ensure_ascii=False)
