"""Generation through the exported SavedModel against transformers, and against memory itself.

``make bench-generate``, or a part: ``make bench-generate ARGS='--only small-1 --json'``. Both sides
have the same random weights and prompts and take the likeliest token; tokens a CPU second of one
thread, medians, both sides in turn. A row's name has the signature that it asks, and behind it what
our weights were rounded to at export, if they were.

What the project must reach, by at least one of the two signatures: small-1 12 times transformers,
small-8 2 times, 124m-1 1.6 times, 124m-8 1.5 times; 124m-bandwidth 0.85 of the speed of memory;
124m-first less than 5 seconds.
"""

import statistics
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from generate_sides import (
    PRECISIONS,
    SIZES,
    WORDS,
    bytes_a_token,
    ids_of,
    models,
    our_side,
    peer_side,
    prompts,
    texts_of,
)
from harness import Plan, Row, Worker, main, medians, say, stop

PLAIN, COMPILED = SIGNATURES = ("generate", "generate_compiled")
FULL, *NARROW = PRECISIONS
PEER = "transformers"
FIRSTS = 3  # fresh processes of each side


class Pair:
    """Both sides of one comparison, asked the same; use as a context."""

    def __init__(self, label: str, batch: int, signature: str, precision: str = FULL) -> None:
        self.size, self.models = SIZES[label], models(label)
        self.batch, self.signature, self.precision = batch, signature, precision
        self.prompts = prompts(batch)
        self.ids = ids_of(self.models, self.prompts)
        self.stack = ExitStack()

    def __enter__(self) -> "Pair":
        self.mine, self.other = (self.stack.enter_context(make()) for make in (our_side, peer_side))
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def load(self) -> tuple[float, float]:
        """Seconds, ours and theirs."""
        exported = self.models.exported[self.precision]
        return (
            self.mine.ask(do="load", folder=str(exported)),
            self.other.ask(do="load", folder=str(self.models.huggingface)),
        )

    def ours(self, repeat: int = 1) -> dict[str, Any]:
        """Our answer to a request. Raises RuntimeError if a text is too short."""
        asked = {"signature": self.signature, "prompts": self.prompts, "repeat": repeat}
        count = self.size.count
        return whole(self.mine.ask(do="write", count=count, **asked), [count] * self.batch)

    def theirs(self) -> dict[str, Any]:
        """The peer's; see `ours`."""
        count = self.size.count
        return whole(self.other.ask(do="write", count=count, ids=self.ids), [count] * self.batch)

    def agreement(self) -> float:
        """The share of the text before the first difference; rounding decides between ties."""
        texts = texts_of(self.models, self.theirs()["ids"])
        pairs = list(zip(self.ours()["texts"], texts, strict=True))
        return sum(same(*pair) for pair in pairs) / sum(max(map(len, pair)) for pair in pairs)


def whole(answer: dict[str, Any], counts: list[int]) -> dict[str, Any]:
    """The answer. Raises RuntimeError unless its texts have so many new tokens."""
    if answer["made"] != counts:
        raise RuntimeError(f"a side stopped early: {answer['made']} tokens of {counts}")
    return answer


def same(one: str, other: str) -> int:
    """How many characters come before the first difference."""
    differ = (at for at, pair in enumerate(zip(one, other, strict=False)) if len(set(pair)) > 1)
    return next(differ, min(len(one), len(other)))


def speed(name: str, label: str, batch: int, signature: str, precision: str = FULL) -> Row:
    """Tokens a CPU second."""
    with Pair(label, batch, signature, precision) as pair:
        pair.load()
        say(f"{name}: {pair.agreement():.1%} of the text is what {PEER} writes")
        size = pair.size
        ours, theirs = medians(
            lambda: pair.ours(size.repeat)["cpu"], lambda: pair.theirs()["cpu"], size.rounds
        )
    tokens = size.count * batch
    return Row(name, tokens / ours, PEER, tokens / theirs, "tokens/CPU s", "higher")


def bandwidth(name: str, precision: str = FULL) -> Row:
    """GB of float32 weights a CPU second, against the fastest way of reading memory.

    The prompt is a token: it is read as every other is, and so many tokens need the weights so
    many times. Narrower weights count as if they were float32.
    """
    made, size = models("124m"), SIZES["124m"]
    asked = {"signature": COMPILED, "prompts": WORDS[:1], "count": size.count}
    with our_side() as mine, peer_side("memory_worker.py") as other:
        mine.ask(do="load", folder=str(made.exported[precision]))
        rounds = [_read(mine, other, asked) for _ in range(1 + size.rounds)][1:]
    seconds = statistics.median(cpu for cpu, _ in rounds)
    ways = {way: statistics.median(found[way] for _, found in rounds) for way in rounds[0][1]}
    say(f"{name}: GB/CPU s by {', '.join(f'{way} {rate:.1f}' for way, rate in ways.items())}")
    ours = size.count * bytes_a_token(made) / 1e9 / seconds
    limit = max(ways.values())
    return Row(name, ours, "memory bandwidth", limit, "GB/CPU s", "higher")


def _read(mine: Worker, other: Worker, asked: dict[str, Any]) -> tuple[float, dict[str, float]]:
    return whole(mine.ask(do="write", **asked), [asked["count"]])["cpu"], other.ask()


def first(name: str) -> Row:
    """Seconds of the first request, each in a fresh process, without those of loading."""
    found = []
    for _ in range(FIRSTS):
        with Pair("124m", 1, PLAIN) as pair:
            loads = pair.load()
            found.append((pair.ours()["wall"], pair.theirs()["wall"], *loads))
    ours, theirs, *loads = (statistics.median(seconds) for seconds in zip(*found, strict=True))
    say(f"{name}: loading before takes {loads[0]:.1f} s, {PEER} {loads[1]:.1f} s")
    return Row(name, ours, PEER, theirs, "s", "lower")


def require_ranks() -> None:
    """Ends the program without GPT-2's tokenizer."""
    from gptfx.data.errors import InputError
    from gptfx.modules.tokenizers.gpt2 import find_ranks

    try:
        find_ranks()
    except InputError as error:
        stop(str(error))


def plans(_: Namespace) -> Iterator[Plan]:
    """All rows."""
    for label in SIZES:
        require = require_ranks if label == "124m" else lambda: None
        for batch, signature in product((1, 8), SIGNATURES):
            row = partial(speed, label=label, batch=batch, signature=signature)
            yield Plan(f"{label}-{batch}/{signature}", row, require)
    for narrow in NARROW:  # of use to a prompt that is alone, and to large models
        row = partial(speed, label="124m", batch=1, signature=COMPILED, precision=narrow)
        yield Plan(f"124m-1/{COMPILED}/{narrow}", row, require_ranks)
    yield Plan(f"124m-bandwidth/{COMPILED}", bandwidth, require_ranks)
    for narrow in NARROW:
        row = partial(bandwidth, precision=narrow)
        yield Plan(f"124m-bandwidth/{COMPILED}/{narrow}", row, require_ranks)
    yield Plan(f"124m-first/{PLAIN}", first, require_ranks)


if __name__ == "__main__":
    main(__doc__ or "", plans)
