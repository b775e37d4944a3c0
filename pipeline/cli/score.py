"""``gptfx score``: how well a model predicts a text."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer

from gptfx.data.errors import InputError
from gptfx.data.passages import MAX_PASSAGE_BYTES, MIN_PASSAGE_BYTES
from gptfx.modules.export.card import PASSAGE_BYTES, at_most
from gptfx.modules.export.versions import require_model
from gptfx.pipeline.cli.generate import MODEL, ROOT
from gptfx.pipeline.cli.options import VERBOSE, layout_of
from gptfx.pipeline.layout import data_home
from gptfx.pipeline.pushed import model_folder

if TYPE_CHECKING:
    from gptfx.data.corpora import TextCorpus
    from gptfx.modules.evaluation.sums import Sums

AT_ONCE = 16  # passages, or fewer if the model takes fewer


def score(
    name: str = typer.Argument(
        metavar="FILE",
        help="A text; or a name, pattern or URI, as of `gptfx run --corpus`.",
    ),
    passage_bytes: int | None = typer.Option(
        None,
        min=MIN_PASSAGE_BYTES,
        max=MAX_PASSAGE_BYTES,
        help="A text is cut into passages of at most so many bytes, each of which is read on its"
        " own; as what the model was judged by, if not given.",
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
    model: str = MODEL,
    root: Path = ROOT,
    verbose: bool = VERBOSE,
) -> None:
    """Says how well a model predicts FILE: bits a byte, nats a token, perplexity.

    Each token is predicted once; each passage from its beginning, as in the pipeline's evaluation.
    """
    from gptfx.data.corpora import resolve
    from gptfx.data.inspection import inspect, require_text
    from gptfx.pipeline.quiet import quiet

    del verbose  # main() looks for it
    corpus = resolve(name, data_home(), registered={})
    require_text(inspect(corpus.files))
    layout = layout_of(root)
    folder = model_folder(model, layout)
    card = require_model(folder)
    size = passage_bytes or _passage_bytes(card, folder)
    with quiet(layout.logs / "score.log") as (out, err):
        from gptfx.modules.generation.speak import load

        at_once = at_most(card, "largest_batch", AT_ONCE)
        total = _score(load(folder), _passages(corpus, size), at_once, err)
        origin = {"model_id": card.get("model_id"), "model": str(folder)}
        _show(total, size, origin if as_json else None, out)


def _passage_bytes(card: dict[str, Any], folder: Path) -> int:
    """Of what a model was judged by."""
    if size := card.get(PASSAGE_BYTES):
        return size
    remedy = "name --passage-bytes"
    raise InputError("no card of the model says how texts are cut", str(folder), remedy)


def _passages(corpus: "TextCorpus", size: int) -> Iterator[bytes]:
    from gptfx.data.passages import read_passages
    from gptfx.data.storage import text_bytes

    for file in corpus.files:
        for _, passage in read_passages(file.path, 0, text_bytes(file.path), size):
            yield passage


def _score(model: Any, passages: Iterator[bytes], at_once: int, err: TextIO) -> "Sums":
    """Sums over all passages; a terminal sees how far it is."""
    from gptfx.modules.evaluation.sums import Sums
    from gptfx.modules.generation.speak import score

    total = Sums()
    while batch := list(islice(passages, at_once)):
        for each in score(model, batch):
            total = total.plus(Sums(*each))
        if err.isatty():
            print(f"\r  {total.bytes:,.0f} bytes", end="", file=err, flush=True)
    if err.isatty():
        print("\r" + " " * 40 + "\r", end="", file=err, flush=True)
    return total


def _show(total: "Sums", size: int, origin: dict[str, Any] | None, out: TextIO) -> None:
    """As JSON with where the model comes from, or as a table without."""
    from gptfx.modules.evaluation.sums import bits_per_byte, perplexity

    figures = {
        "bits_per_byte": bits_per_byte(total),
        "nats_per_token": total.nats_per_token,
        "perplexity": perplexity(total),
        "tokens": int(total.tokens),
        "bytes": int(total.bytes),
        "passage_bytes": size,
    }
    if origin:
        print(json.dumps({**figures, **origin}), file=out)
        return
    for key, value in figures.items():
        shown = f"{value:,}" if isinstance(value, int) else f"{value:,.4f}"
        print(f"{key.replace('_', ' '):<15} {shown}", file=out)
