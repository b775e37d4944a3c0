"""``gptfx tokenizer``: what a model's tokenizer makes of a text, and its ways in and out."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gptfx.data.errors import InputError
from gptfx.pipeline.cli.generate import MODEL, ROOT
from gptfx.pipeline.cli.options import layout_of
from gptfx.pipeline.pushed import model_folder

if TYPE_CHECKING:
    from rich.text import Text

    from gptfx.modules.tokenizers.tokenizer import Tokenizer

app = typer.Typer(
    help="What a model's tokenizer makes of text; its ways in and out.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
TEXT = typer.Argument(None, help="The text; standard input if it is left out.")
SPECIAL = typer.Option(
    False, "--allow-special", help="Special tokens that the text spells become their ids."
)
JSON = typer.Option(False, "--json", help="One JSON object.")
COLOURS = (  # of the eight that every terminal has
    "white on blue",
    "black on cyan",
    "white on magenta",
    "black on green",
    "black on yellow",
)


@app.command()
def encode(
    text: str | None = TEXT,
    model: str = MODEL,
    root: Path = ROOT,
    allow_special: bool = SPECIAL,
    as_json: bool = JSON,
) -> None:
    """Prints the ids of a text."""
    tokenizer = load(model, root)
    ids = tokenizer.encode(_read(text), _allowed(tokenizer, allow_special))
    typer.echo(json.dumps({"ids": ids}) if as_json else " ".join(map(str, ids)))


@app.command()
def decode(
    ids: list[str] = typer.Argument(None, help="Ids; standard input if they are left out."),
    model: str = MODEL,
    root: Path = ROOT,
) -> None:
    """Prints the text of ids, byte for byte; special tokens are spelled."""
    tokenizer = load(model, root)
    words = ids or sys.stdin.read().split()
    data = tokenizer.decode(map(_number, words), special=True)
    sys.stdout.buffer.write(data + b"\n" * sys.stdout.isatty())


@app.command()
def show(
    text: str | None = typer.Argument(None, help="The text; what the tokenizer is, without one."),
    model: str = MODEL,
    root: Path = ROOT,
    allow_special: bool = SPECIAL,
    as_json: bool = JSON,
) -> None:
    """Shows a text cut into its tokens, each in a colour; or the tokenizer itself."""
    tokenizer = load(model, root)
    if text is None:
        _show_tokenizer(tokenizer, as_json)
        return
    data = _read(text)
    ids = tokenizer.encode(data, _allowed(tokenizer, allow_special))
    pieces = [tokenizer.decode([index], special=True) for index in ids]
    if as_json:
        tokens = [{"id": at, "bytes": piece.hex()} for at, piece in zip(ids, pieces, strict=True)]
        typer.echo(json.dumps({"tokens": tokens, "bytes": len(data)}))
        return
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    console.print(_coloured(pieces) if console.color_system else "|".join(map(_visible, pieces)))
    rate = f", {len(data) / len(ids):.2f} bytes a token" if ids else ""
    console.print(f"{len(ids)} tokens, {len(data)} bytes{rate}", style="dim")


@app.command("export")
def export_file(
    form: str = typer.Option(..., "--format", help="tiktoken or huggingface."),
    out: Path = typer.Option(..., help="The file to write."),
    model: str = MODEL,
    root: Path = ROOT,
) -> None:
    """Writes a tiktoken rank file, or a tokenizer.json for Hugging Face's tokenizers."""
    from gptfx.modules.tokenizers.exporting import how_to_open, write_tokenizer

    tokenizer = load(model, root)
    write_tokenizer(tokenizer, form, out)
    typer.echo(out)
    typer.echo("to open it, with nothing of gptfx:")
    for line in how_to_open(tokenizer, form, out):
        typer.echo(f"  {line}")


@app.command("import")
def import_file(
    file: Path = typer.Argument(help="A rank file, a tokenizer.json, or GPT-2's vocab.bpe."),
    out: Path = typer.Option(..., help="The folder to write our tokenizer.json into."),
) -> None:
    """Reads another library's tokenizer; `gptfx run --tokenizer-file FILE` learns with it."""
    from gptfx.modules.tokenizers.importing import read_tokenizer

    tokenizer = read_tokenizer(file)
    try:
        out.mkdir(parents=True, exist_ok=True)
        typer.echo(tokenizer.save(out))
    except OSError as error:
        raise InputError("the folder cannot be written", str(error), "name another --out") from None


def load(model: str, root: Path) -> "Tokenizer":
    """The tokenizer of a model, or of a folder with a tokenizer.json of ours.

    Raises InputError for none.
    """
    from gptfx.modules.export.card import CARD_PATH
    from gptfx.modules.tokenizers.tokenizer import FILE_NAME, Tokenizer

    folder = model_folder(model, layout_of(root))
    inside = folder / CARD_PATH.parent
    return Tokenizer.load(inside if (inside / FILE_NAME).is_file() else folder)


def _read(text: str | None) -> bytes:
    return sys.stdin.buffer.read() if text is None else text.encode("utf-8", "surrogateescape")


def _allowed(tokenizer: "Tokenizer", allow_special: bool) -> list[str]:
    return [name for name, _ in tokenizer.special_tokens] if allow_special else []


def _number(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise InputError("not an id", word, "give whole numbers") from None


def _show_tokenizer(tokenizer: "Tokenizer", as_json: bool) -> None:
    longest = sorted(tokenizer.numbered_bytes, key=len)[-8:]
    rows = {
        "kind": tokenizer.kind,
        "vocab_size": tokenizer.vocab_size,
        "merges": len(tokenizer.merges),
        "characters": len(tokenizer.characters),
        "special_tokens": dict(tokenizer.special_tokens),
        "normalization": tokenizer.normalization,
        "longest": [_visible(token) for token in reversed(longest)],
        "digest": tokenizer.digest,
    }
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    for key, value in rows.items():
        typer.echo(f"{key:<15} {value}")


def _coloured(pieces: Iterable[bytes]) -> "Text":
    from rich.text import Text

    parts = [(_visible(each), COLOURS[at % len(COLOURS)]) for at, each in enumerate(pieces)]
    return Text.assemble(*parts)


def _visible(piece: bytes) -> str:
    r"""A token as one can see it: b"\n" as ⏎ and the line's end, half a character by its bytes."""
    try:
        text = piece.decode()
    except UnicodeDecodeError:
        return "".join(f"<{value:02x}>" for value in piece)
    return "".join(_visible_character(each) for each in text)


def _visible_character(character: str) -> str:
    if character == "\n":
        return "⏎\n"
    return character if character.isprintable() else f"<{ord(character):x}>"
