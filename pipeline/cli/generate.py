"""``gptfx generate``: text from a pushed model, or from another, as it is made."""

import json
import random
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer

from gptfx.data.errors import InputError
from gptfx.modules.export.card import read_card
from gptfx.pipeline.layout import DEFAULT_ROOT, Layout
from gptfx.pipeline.pushed import LATEST, model_folder

if TYPE_CHECKING:
    from gptfx.modules.generation.speak import Answer, Request

STDIN = "-"
MODEL = typer.Option(
    LATEST, help="`latest`, the number of a pushed version, or a model's folder (of `gptfx train`)."
)
ROOT = typer.Option(DEFAULT_ROOT, help="The root that `gptfx run` was given.")


def generate(
    prompt: str | None = typer.Argument(None, help="What the text starts with."),
    file: str | None = typer.Option(
        None, "--file", metavar="FILE|-", help="A prompt a line; `-` is standard input."
    ),
    max_new_tokens: int = typer.Option(160, min=0, max=100_000, help="How many tokens to make."),
    temperature: float = typer.Option(0.8, min=0.0, help="0 always takes the likeliest token."),
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
        None, min=0, max=2**62, help="Fixes the draws; random if not given."
    ),
    batch_size: int = typer.Option(8, min=1, help="Prompts of a file that are continued at once."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object for each prompt."),
    model: str = MODEL,
    root: Path = ROOT,
    verbose: bool = typer.Option(False, "--verbose", help="Shows a traceback on failure."),
) -> None:
    """Continues PROMPT, or each line of --file or of standard input.

    A single text appears as it is made. With a seed, prompt number n of a file (from 0) has the
    seed plus n.
    """
    from gptfx.modules.config import STOP_SEPARATOR

    del verbose  # main() looks for it
    if not 0.0 < top_p <= 1.0:
        raise InputError("--top-p is a share", top_p, "give more than 0 and at most 1")
    if any(STOP_SEPARATOR in words or not words for words in stop):
        raise InputError("--stop cannot be that", stop, "give words without U+001F")
    prompts = _prompts(prompt, file)
    layout = Layout(root.expanduser().absolute())
    folder = model_folder(model, layout)
    from gptfx.pipeline.quiet import quiet

    with quiet(layout.logs / "generate.log") as (out, err):
        from gptfx.modules.generation.speak import Request, load

        seed = random.randrange(2**31) if seed is None else seed
        words = tuple(stop)
        request = Request(
            max_new_tokens, temperature, top_k, top_p, seed, min_p, repetition_penalty, words
        )
        loaded, card = load(folder), read_card(folder) or {}
        if prompt is not None and not as_json:
            _stream(loaded, prompt, request, out, err)
            return
        made = _continue(loaded, prompts, request, _at_once(card, batch_size))
        origin = {"model_id": card.get("model_id"), "model": str(folder)}
        for number, (each, answer) in enumerate(made):
            shown = _as_json(each, answer, seed + number, origin) if as_json else each + answer.text
            print(_printable(shown), file=out, end="\n" if as_json else "\n\n", flush=True)


def _prompts(prompt: str | None, file: str | None) -> Iterator[str]:
    """The prompts that were given, one way or another."""
    if prompt is not None:
        if file is not None:
            remedy = "leave one of them out"
            raise InputError("a prompt and --file were given", f"{prompt!r}, {file}", remedy)
        return iter([prompt])
    if file is None and sys.stdin.isatty():
        raise InputError("no prompt was given", "nothing", "give one, or --file FILE")
    if file is None or file == STDIN:
        return _lines(sys.stdin.buffer, "standard input")
    try:
        return _lines(Path(file).open("rb"), file)
    except OSError as error:
        remedy = "name a file with a prompt a line"
        raise InputError(f"the prompts cannot be read ({error.strerror})", file, remedy) from None


def _lines(stream: Iterable[bytes], name: str) -> Iterator[str]:
    """A prompt a line; bytes that are no UTF-8 become U+FFFD, as the model would read them."""
    count = 0
    for line in stream:
        yield line.rstrip(b"\r\n").decode("utf-8", "replace")
        count += 1
    if not count:
        raise InputError("there are no prompts", name, "give a prompt a line")


def _stream(model: Any, prompt: str, request: "Request", out: TextIO, err: TextIO) -> None:
    """Prints a text as it is made; nothing before the model has taken the prompt."""
    from gptfx.modules.generation.speak import stream

    start = prompt
    for piece in stream(model, prompt, request):
        print(_printable(start + piece.text), end="", file=out, flush=True)
        start = ""
    print(file=out, flush=True)
    if piece.finish_reason == "context":
        print("gptfx: the text ends here: the model cannot see further", file=err)


def _continue(
    model: Any, prompts: Iterator[str], request: "Request", at_once: int
) -> Iterator[tuple[str, "Answer"]]:
    """Each prompt with its answer, a batch after the other."""
    from gptfx.modules.generation.speak import answer

    while batch := list(islice(prompts, at_once)):
        yield from zip(batch, answer(model, batch, request), strict=True)
        request = request._replace(seed=request.seed + len(batch))


def _at_once(card: dict[str, Any], batch_size: int) -> int:
    """As many prompts as were asked for, and the model takes."""
    return min(batch_size, int(card.get("generation", {}).get("largest_batch", batch_size)))


def _as_json(prompt: str, answer: "Answer", seed: int, origin: dict[str, Any]) -> str:
    content = {"prompt": prompt, **answer._asdict(), "seed": seed, **origin}
    return json.dumps(content, ensure_ascii=False)


def _printable(text: str) -> str:
    """Half characters, which an argument may hold, cannot be printed."""
    return text.encode("utf-8", "replace").decode()
