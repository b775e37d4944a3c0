"""Training against PyTorch eager and against plain Keras.

``make bench-train``, or a part: ``make bench-train ARGS='--only speed/small --json'``. Speeds are
wall-clock, batches drawn included, medians, both sides in turn. Losses are of tinyshakespeare,
against nanoGPT's recipe for a CPU. ``--only ablate`` takes the preset's changes back one by one.
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from harness import REPOSITORY, Plan, Row, Worker, main, medians, stop
from learning import ABLATIONS, Learning
from train_sides import (
    NANOGPT,
    SIZES,
    Size,
    our_side,
    start_nanogpt,
    start_preset,
    start_torch,
    torch_side,
)

CORPUS = REPOSITORY.parent / "shared" / "data" / "tinyshakespeare.txt"
GPT2_BATCH, GPT2_WINDOW = 4, 256
Start = Callable[[Worker, Size], object]


def add_options(parser: ArgumentParser) -> None:
    """Those of this benchmark."""
    parser.add_argument(
        "--seeds", type=int, metavar="N", help="runs of each row learn (3) or ablate (1)"
    )
    parser.add_argument(
        "--corpus", type=Path, default=CORPUS, metavar="PATH", help="tinyshakespeare, a file"
    )
    parser.add_argument(
        "--steps", type=int, metavar="N", help="of rows learn and ablate, for a try (2,000)"
    )


def require_corpus(corpus: Path) -> None:
    """Ends the program without it."""
    if not corpus.is_file():
        stop(f"tinyshakespeare is not at {corpus}: give its file with --corpus PATH")


def speed(name: str, size: Size, start: Start, peer: str, start_peer: Start, cores: int = 1) -> Row:
    """Tokens a second."""
    side = torch_side if peer == "PyTorch eager" else our_side
    with ExitStack() as stack:
        mine, other = (stack.enter_context(make(cores)) for make in (our_side, side))
        start(mine, size), start_peer(other, size)
        ours, theirs = medians(
            lambda: mine.ask(do="stretch")[0], lambda: other.ask(do="stretch")[0], rounds=9
        )
    tokens = size.batch_size * size.block_size
    return Row(name, tokens / ours, peer, tokens / theirs, "tokens/s", "higher")


def memory(name: str) -> Row:
    """Peaks of processes that train GPT-2 for two steps, imports included; one after the other."""
    from gptfx.modules.models.gpt2 import VOCAB_SIZE, gpt2_config

    model = gpt2_config("124M").model_dump()
    trainer = {**NANOGPT, "steps": 2, "batch_size": GPT2_BATCH}
    names = ("n_layer", "n_head", "n_embd", "block_size", "bias")
    shape = {"vocab_size": VOCAB_SIZE, **{each: model[each] for each in names}}
    asked = {"do": "memory", "window": GPT2_WINDOW}
    with our_side() as worker:
        ours = worker.ask(**asked, model=model, trainer=trainer, vocab_size=VOCAB_SIZE)
    with torch_side() as worker:
        theirs = worker.ask(**asked, shape=shape, batch_size=GPT2_BATCH, steps=2)
    return Row(name, ours, "PyTorch eager", theirs, "MiB", "lower")


def plans(options: Namespace) -> Iterator[Plan]:
    """All rows."""
    yield from speeds()
    yield Plan("memory/gpt2-124M", memory)
    yield from losses(options)


def speeds() -> Iterator[Plan]:
    """Of a step."""
    torch = {"peer": "PyTorch eager", "start_peer": start_torch}
    for label, size in SIZES.items():
        row = partial(speed, size=size, start=start_nanogpt, **torch)
        yield Plan(f"speed/{label}/1-thread", row)
        yield Plan(f"speed/{label}/2-threads", partial(row, cores=2))
    small = partial(speed, size=SIZES["small"])
    keras = {"peer": "Keras fit", "start_peer": partial(start_nanogpt, how="keras-fit")}
    yield Plan("speed/small/1-thread/keras-fit", partial(small, start=start_nanogpt, **keras))
    yield Plan("speed/small-modern/1-thread", partial(small, start=start_preset, **torch))


def losses(options: Namespace) -> Iterator[Plan]:
    """Of what was learned."""
    learning = Learning(options.corpus, options.seeds, options.steps)
    require = partial(require_corpus, options.corpus)
    rows = {
        "learn/equal-tokens": learning.equal_tokens,
        "learn/equal-seconds": learning.equal_seconds,
        "learn/40-percent-seconds": partial(learning.equal_seconds, share=0.4),
    }
    for name, row in rows.items():
        yield Plan(name, row, require)
    for change in ABLATIONS:
        yield Plan(f"ablate/{change}", learning.ablation, require, only_when_asked=True)


if __name__ == "__main__":
    main(__doc__ or "", plans, add_options)
