"""Tokenizers against tiktoken, Hugging Face's tokenizers, keras-hub, rustbpe, bpeasy and minbpe.

``make bench-tokenizer``, or a part: ``make bench-tokenizer ARGS='--only train/10MB --json'``.
Encoding is GPT-2's, through the `tokenize` signature of a SavedModel, call included; CPU seconds of
one thread, medians, both sides in turn.
"""

import sys
import sysconfig
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from harness import FOLDER, Plan, Row, Worker, main, medians, peer_packages, peer_python, say
from tokenizer_worker import passages, random_word

from gptfx.components.fingerprint import code_fingerprint

WORKER = str(Path(__file__).parent / "tokenizer_worker.py")
FIXTURES = FOLDER / "tokenizer-fixtures"
PEERS = [
    "tiktoken==0.14.0",
    "tokenizers==0.23.3",
    "rustbpe==0.1.0",
    "bpeasy==0.1.6",
    "regex",
]
KERAS_HUB = ["keras-hub==0.25.1", "kagglehub==1.0.2", "kagglesdk==0.1.28"]
ENCODERS = ("tiktoken", "huggingface", "keras_hub")
TRAINERS = ("huggingface", "rustbpe", "bpeasy")
MEGABYTES = {"1MB": 1_000_000, "10MB": 10_000_000, "50MB": 50_000_000}
VOCAB_SIZES = (512, 1024, 2048, 4096, 8192)


def side(library: str) -> Worker:
    """A process with the library in it."""
    if library == "gptfx":
        return Worker([sys.executable, WORKER, library])
    if library == "keras_hub":  # needs TensorFlow, Keras and tensorflow-text: ours
        path = {"PYTHONPATH": peer_packages("keras-hub", KERAS_HUB)}
        return Worker([sys.executable, WORKER, library], path)
    return Worker([peer_python("tokenizer-peers", PEERS), WORKER, library])


# --- what both sides read -------------------------------------------------------------------------


def fixtures() -> Path:
    """GPT-2's ranks in every form, a SavedModel that tokenizes, and the corpora; made once."""
    stamp, now = FIXTURES / "made-by", code_fingerprint("modules/tokenizers", "data")
    if not stamp.exists() or stamp.read_text() != now:
        FIXTURES.mkdir(parents=True, exist_ok=True)
        say("making corpora and a SavedModel")
        _write_corpora()
        _write_models()
        stamp.write_text(now)
    return FIXTURES


def _write_corpora() -> None:
    """Shakespeare, then the environment's Python sources sorted by path."""
    from gptfx.data.fetch import fetch
    from gptfx.pipeline.layout import data_home

    plays = sorted(Path(fetch("shakespeare", data_home())).rglob("*.txt"))
    sources = sorted(Path(sysconfig.get_path("purelib")).rglob("*.py"))
    data = b""
    for path in [*plays, *sources]:
        if len(data) > max(MEGABYTES.values()):
            break
        data += path.read_bytes()
    if len(data) < max(MEGABYTES.values()):
        raise RuntimeError(f"the environment's Python sources are {len(data):,} bytes only")
    for name, size in MEGABYTES.items():
        (FIXTURES / name).write_bytes(data[:size].decode("utf-8", "ignore").encode())


def _write_models() -> None:
    import tensorflow as tf

    from gptfx.modules.tokenizers.exporting import write_tokenizer
    from gptfx.modules.tokenizers.gpt2 import gpt2_tokenizer
    from gptfx.modules.tokenizers.graph import GraphTokenizer
    from gptfx.modules.tokenizers.kinds import count_pieces, frequent

    counts = count_pieces([(FIXTURES / "1MB").read_bytes()])
    tokenizer = gpt2_tokenizer(words=frequent(counts))
    tokenizer.save(FIXTURES)
    own = FIXTURES / "own"  # its words are those of the corpus that is transformed
    own.mkdir(exist_ok=True)
    counts = count_pieces([(FIXTURES / "10MB").read_bytes()])
    gpt2_tokenizer(words=frequent(counts)).save(own)
    write_tokenizer(tokenizer, "tiktoken", FIXTURES / "gpt2.tiktoken")
    # Ours under another name: tokenizer.json is the name of both forms.
    write_tokenizer(tokenizer, "huggingface", FIXTURES / "huggingface.json")
    graph = GraphTokenizer(tokenizer)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")], autograph=False)
    def tokenize(text: tf.Tensor) -> dict[str, tf.Tensor]:
        ids = graph.encode(text)
        return {"ids": ids.values, "row_splits": ids.row_splits}

    graph.tokenize = tokenize
    folder = str(FIXTURES / "saved_model")
    tf.saved_model.save(graph, folder, signatures={"tokenize": tokenize})


def plays() -> list[str]:
    """Shakespeare's first megabyte in passages of 1,000 characters."""
    return passages(fixtures() / "1MB")


# --- rows -----------------------------------------------------------------------------------------


def paired(
    library: str, ours: dict[str, Any], theirs: dict[str, Any], repeat: int, rounds: int
) -> tuple[float, float]:
    """Median CPU seconds of one call, ours and theirs."""
    folder = str(fixtures())
    with ExitStack() as stack:
        mine, other = stack.enter_context(side("gptfx")), stack.enter_context(side(library))
        mine.ask(do="prepare", folder=folder, **ours)
        other.ask(do="prepare", folder=folder, **theirs)
        return medians(
            lambda: mine.ask(do="time", repeat=repeat),
            lambda: other.ask(do="time", repeat=repeat),
            rounds,
        )


def encoding(library: str, texts: list[str], repeat: int, name: str) -> Row:
    """MB of text a CPU second."""
    task = {"task": "encode", "texts": texts}
    ours, theirs = paired(library, task, task, repeat, rounds=7)
    size = sum(len(text.encode()) for text in texts) / 1e6
    return Row(name, size / ours, library, size / theirs, "MB/CPU s", "higher")


def serving(library: str, texts: list[str], name: str) -> Row:
    """Microseconds of CPU for a call with one text, the mean over texts."""
    task = {"task": "encode", "texts": texts[:1]}
    ours, theirs = paired(library, task, task, repeat=300, rounds=7)
    return Row(name, 1e6 * ours, library, 1e6 * theirs, "CPU us a call", "lower")


def random_word_row(name: str) -> Row:
    """A word of 10,000 random letters against a passage of 1,000 known characters; both ours."""
    word = {"task": "encode", "texts": [random_word(10_000)]}
    passage = {"task": "encode", "texts": [known_passage()]}
    ours, theirs = paired("gptfx", word, passage, repeat=50, rounds=7)
    peer = "gptfx: 1,000 known characters"
    return Row(name, 1e6 * ours, peer, 1e6 * theirs, "CPU us a call", "lower")


def known_passage() -> str:
    """A passage all of whose words are in the model's table."""
    from gptfx.modules.tokenizers.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(fixtures())
    known = {*tokenizer.words, *tokenizer.numbered_bytes}
    for passage in plays()[200:]:
        if passage.isascii() and known.issuperset(tokenizer.pieces(passage.encode())):
            return passage
    raise RuntimeError("no passage of known words")


def training(library: str, size: str, vocab_size: int, name: str) -> Row:
    """CPU seconds from a file to a vocabulary."""
    task = {"task": "train", "corpus": size, "vocab_size": vocab_size}
    rounds = {"1MB": 7, "10MB": 5, "50MB": 3}[size]
    ours, theirs = paired(library, task, task, repeat=1, rounds=rounds)
    return Row(name, ours, library, theirs, "CPU s", "lower")


def minbpe(name: str) -> Row:
    """The textbook takes minutes: it runs once."""
    task = {"task": "train", "corpus": "1MB", "vocab_size": 512, "folder": str(fixtures())}
    with ExitStack() as stack:
        seconds = []
        for library, repeat in (("gptfx", 5), ("minbpe", 1)):
            worker = stack.enter_context(side(library))
            worker.ask(do="prepare", **task)
            seconds.append(worker.ask(do="time", repeat=repeat))
    return Row(name, seconds[0], "minbpe's algorithm", seconds[1], "CPU s", "lower")


def memory(name: str) -> Row:
    """Peak of a process that learns 8,192 ids from 50 MB, imports included."""
    task = {"task": "train", "corpus": "50MB", "vocab_size": 8192, "folder": str(fixtures())}
    peaks = []
    for library in ("gptfx", "huggingface"):
        with side(library) as worker:
            worker.ask(do="prepare", **task)
            peaks.append(worker.ask(do="peak"))
    return Row(name, peaks[0], "huggingface", peaks[1], "MiB", "lower")


def transforming(name: str, how: str) -> tuple[Row, Row]:
    """CPU seconds inside TensorFlow Transform: of each MB more, and what is paid once.

    Our preprocessing_fn against a function of tiktoken's, or against no tokenizer at all. Both are
    read off a corpus of 1 MB and one of 10 MB, whose own frequent words the tokenizer knows.
    """
    small, large = (
        paired(
            "gptfx",
            {"task": "transform", "corpus": corpus, "how": "graph"},
            {"task": "transform", "corpus": corpus, "how": how},
            repeat=1,
            rounds=7,
        )
        for corpus in ("1MB", "10MB")
    )
    rates = [(many - few) / 9 for few, many in zip(small, large, strict=True)]
    once = [few - rate for few, rate in zip(small, rates, strict=True)]
    peer = {"python": "tiktoken in a tf.numpy_function", "none": "no tokenizer"}[how]
    return (
        Row(f"{name}/rate", rates[0], peer, rates[1], "CPU s/MB", "lower"),
        Row(f"{name}/once", once[0], peer, once[1], "CPU s", "lower"),
    )


def plans(_: Namespace) -> Iterator[Plan]:
    """All rows."""
    for size in (1, 32, 1000):
        for library in ENCODERS:
            repeat = {1: 300, 32: 20, 1000: 2}[size] // (10 if library == "keras_hub" else 1) or 1
            yield Plan(
                f"encode/batch-{size}/{library}",
                lambda name, library=library, size=size, repeat=repeat: encoding(
                    library, (plays() * 2)[100 : 100 + size], repeat, name
                ),
            )
    for library in ENCODERS:
        yield Plan(
            f"encode/corpus/{library}",
            lambda name, library=library: encoding(library, ["".join(plays())], 1, name),
        )
    texts = {
        "1000-known-characters": known_passage,
        "30-characters": lambda: known_passage()[:30],
        "unseen-words": lambda: " ".join(f"glimbrosk{at} quavendil{at}" for at in range(40)),
    }
    for what, make in texts.items():
        yield Plan(
            f"serve/{what}/tiktoken",
            lambda name, make=make: serving("tiktoken", [make()], name),
        )
    yield Plan("serve/random-word", random_word_row)
    for how in ("none", "python"):
        yield Plan(f"transform/{how}", lambda name, how=how: transforming(name, how))
    yield Plan("train/1MB/512/minbpe", minbpe)
    for size in MEGABYTES:
        for vocab_size in VOCAB_SIZES:
            for library in TRAINERS:
                yield Plan(
                    f"train/{size}/{vocab_size}/{library}",
                    lambda name, library=library, size=size, vocab_size=vocab_size: training(
                        library, size, vocab_size, name
                    ),
                )
    yield Plan("memory/50MB/8192/huggingface", memory)


if __name__ == "__main__":
    main(__doc__ or "", plans)
