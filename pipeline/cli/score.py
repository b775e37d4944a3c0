"""``gptfx score``: how well a model predicts a text."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer

from gptfx.pipeline.cli.generate import MODEL, ROOT
from gptfx.pipeline.layout import Layout, data_home
from gptfx.pipeline.pushed import model_folder

if TYPE_CHECKING:
    from gptfx.data.corpora import TextCorpus
    from gptfx.modules.evaluation.sums import Sums

AT_ONCE = 16  # passages


def score(
    name: str = typer.Argument(
        metavar="FILE",
        help="A text; or a name, pattern or URI, as of `gptfx run --corpus`.",
    ),
    passage_bytes: int = typer.Option(
        4096, min=64, help="A text is cut into passages of so many bytes; each is read on its own."
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
    model: str = MODEL,
    root: Path = ROOT,
    verbose: bool = typer.Option(False, "--verbose", help="Shows a traceback on failure."),
) -> None:
    """Says how well a model predicts FILE: bits a byte, nats a token, perplexity.

    Each token is predicted once; each passage from its beginning, as in the pipeline's evaluation.
    """
    from gptfx.data.corpora import resolve
    from gptfx.data.inspection import inspect, require_text
    from gptfx.pipeline.quiet import quiet

    del verbose  # main() looks for it
    corpus = resolve(name, data_home(), registered={})
    require_text(inspect(corpus.files), max_invalid_fraction=0.0)
    layout = Layout(root.expanduser().absolute())
    folder = model_folder(model, layout)
    with quiet(layout.logs / "score.log") as (out, err):
        from gptfx.modules.generation.speak import load

        total = _score(load(folder), _passages(corpus, passage_bytes), err)
        _show(total, folder, as_json, out)


def _passages(corpus: "TextCorpus", size: int) -> Iterator[bytes]:
    from gptfx.data.passages import read_passages
    from gptfx.data.storage import text_bytes

    for file in corpus.files:
        for _, passage in read_passages(file.path, 0, text_bytes(file.path), size):
            yield passage


def _score(model: Any, passages: Iterator[bytes], err: TextIO) -> "Sums":
    """Sums over all passages; a terminal sees how far it is."""
    from gptfx.modules.evaluation.sums import Sums
    from gptfx.modules.generation.speak import score

    total = Sums()
    while batch := list(islice(passages, AT_ONCE)):
        for each in score(model, batch):
            total = total.plus(Sums(*each))
        if err.isatty():
            print(f"\r  {total.bytes:,.0f} bytes", end="", file=err, flush=True)
    if err.isatty():
        print("\r" + " " * 40 + "\r", end="", file=err, flush=True)
    return total


def _show(total: "Sums", folder: Path, as_json: bool, out: TextIO) -> None:
    from gptfx.modules.evaluation.sums import bits_per_byte, perplexity

    figures = {
        "bits_per_byte": bits_per_byte(total),
        "nats_per_token": total.nats_per_token,
        "perplexity": perplexity(total),
        "tokens": int(total.tokens),
        "bytes": int(total.bytes),
    }
    if as_json:
        print(json.dumps({**figures, "model": str(folder)}), file=out)
        return
    for key, value in figures.items():
        shown = f"{value:,}" if isinstance(value, int) else f"{value:,.4f}"
        print(f"{key.replace('_', ' '):<15} {shown}", file=out)
