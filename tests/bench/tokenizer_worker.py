"""A side of the tokenizer's benchmark: one library, told what to do; run by tokenizer.py.

It measures CPU seconds of this process, all threads; every library is held to one.
"""

import random
import resource
import sys
import time
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
PASSAGE = 1000  # characters
RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"  # as in the pipeline
Once = Callable[[], Any]


def passages(corpus: Path) -> list[str]:
    """A corpus in passages of 1,000 characters."""
    text = corpus.read_text(encoding="utf-8")
    return [text[start : start + PASSAGE] for start in range(0, len(text), PASSAGE)]


def cpu_seconds(once: Once, repeat: int) -> float:
    """Of one call, the mean over `repeat`."""
    started = time.process_time()
    for _ in range(repeat):
        once()
    return (time.process_time() - started) / repeat


# --- encoding: each takes the folder of fixtures and a batch, and gives a call --------------------


def hold_tensorflow_to_one_thread() -> None:
    import tensorflow as tf

    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)


def gptfx_signature(folder: Path) -> Any:
    import tensorflow as tf

    hold_tensorflow_to_one_thread()
    return tf.saved_model.load(str(folder / "saved_model")).signatures["tokenize"]


def encode_with_gptfx(folder: Path, texts: list[str]) -> Once:
    import tensorflow as tf

    signature = gptfx_signature(folder)
    batch = [text.encode() for text in texts]
    if len(batch) == 1:  # a request: what comes in is a Python string
        return lambda: signature(text=tf.constant(batch))["ids"]
    tensor = tf.constant(batch)  # in a graph, it is there already
    return lambda: signature(text=tensor)["ids"]


@cache
def tiktoken_encoding(folder: str) -> Any:
    import tiktoken
    from tiktoken.load import load_tiktoken_bpe

    ranks = load_tiktoken_bpe(f"{folder}/gpt2.tiktoken")
    return tiktoken.Encoding("gpt2", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})


def encode_with_tiktoken(folder: Path, texts: list[str]) -> Once:
    encoding = tiktoken_encoding(str(folder))
    return lambda: [encoding.encode_ordinary(text) for text in texts]


def encode_with_huggingface(folder: Path, texts: list[str]) -> Once:
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "huggingface.json"))
    return lambda: tokenizer.encode_batch_fast(texts)


def encode_with_keras_hub(folder: Path, texts: list[str]) -> Once:
    import json

    import tensorflow as tf

    hold_tensorflow_to_one_thread()
    from keras_hub.tokenizers import BytePairTokenizer

    model = json.loads((folder / "huggingface.json").read_text(encoding="utf-8"))["model"]
    tokenizer = BytePairTokenizer(vocabulary=model["vocab"], merges=model["merges"])
    function = tf.function(
        tokenizer.tokenize, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False
    )
    batch = [text.encode() for text in texts]
    return lambda: function(tf.constant(batch))


# --- training: each takes a corpus file and a vocabulary size, and gives a call -------------------


def train_with_gptfx(corpus: Path, vocab_size: int) -> Once:
    from gptfx.modules.tokenizers.kinds import count_pieces, train_bpe

    def once() -> None:
        with corpus.open("rb") as stream:
            passages = iter(lambda: b"".join(stream.readlines(1 << 13)), b"")
            tokenizer = train_bpe(count_pieces(passages), vocab_size)
        assert tokenizer.vocab_size == vocab_size

    return once


def train_with_huggingface(corpus: Path, vocab_size: int) -> Once:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    def once() -> None:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            special_tokens=["<|endoftext|>"],
            show_progress=False,
        )
        tokenizer.train([str(corpus)], trainer)
        assert tokenizer.get_vocab_size() == vocab_size

    return once


def train_with_rustbpe(corpus: Path, vocab_size: int) -> Once:
    import rustbpe

    def once() -> None:
        with corpus.open(encoding="utf-8", newline="") as lines:
            rustbpe.Tokenizer().train_from_iterator(lines, vocab_size - 1, pattern=PATTERN)

    return once


def train_with_bpeasy(corpus: Path, vocab_size: int) -> Once:
    import bpeasy

    def once() -> None:
        with corpus.open(encoding="utf-8", newline="") as lines:
            bpeasy.train_bpe(lines, PATTERN, 128, vocab_size - 1)

    return once


def train_with_minbpe(corpus: Path, vocab_size: int) -> Once:
    """The textbook, as minbpe does it: every pair of the whole text counted anew for each merge."""
    import regex

    def once() -> None:
        text = corpus.read_text(encoding="utf-8")
        chunks = [list(chunk.encode()) for chunk in regex.findall(PATTERN, text)]
        for new in range(256, vocab_size - 1):
            counts: dict[tuple[int, int], int] = {}
            for ids in chunks:
                for pair in pairwise(ids):
                    counts[pair] = counts.get(pair, 0) + 1
            best = max(counts, key=counts.__getitem__)
            chunks = [replace(ids, best, new) for ids in chunks]

    return once


def replace(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """Each occurrence of `pair` by `new`."""
    merged, at = [], 0
    while at < len(ids):
        if ids[at] == pair[0] and at < len(ids) - 1 and ids[at + 1] == pair[1]:
            merged.append(new)
            at += 2
        else:
            merged.append(ids[at])
            at += 1
    return merged


# --- TensorFlow Transform over passages, as TFX runs it: tf.Examples in, tf.Examples out ---------


def transform(folder: Path, corpus: str, how: str) -> Once:
    """A call that takes a corpus through our preprocessing_fn, another one, or none."""
    import tempfile
    from functools import partial

    import apache_beam as beam
    import tensorflow as tf
    import tensorflow_transform.beam as tft_beam
    from tensorflow_transform.tf_metadata import schema_utils
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder
    from tfx_bsl.public.tfxio import TFExampleBeamRecord

    from gptfx.components.examples import POSITION, SOURCE, TEXT, RawExample
    from gptfx.components.tokenizer_input import TOKENIZER_FOLDER
    from gptfx.components.transform.preprocessing import preprocessing_fn

    hold_tensorflow_to_one_thread()
    types = {TEXT: tf.string, SOURCE: tf.string, POSITION: tf.int64}
    spec = {name: tf.io.FixedLenFeature([1], each) for name, each in types.items()}
    source = TFExampleBeamRecord(["bench"], schema=schema_utils.schema_from_feature_spec(spec))
    data = [
        RawExample(text.encode(), b"corpus", at).serialize()
        for at, text in enumerate(passages(folder / corpus))
    ]
    function = {
        "graph": partial(preprocessing_fn, custom_config={TOKENIZER_FOLDER: str(folder / "own")}),
        "python": partial(tokenize_in_python, folder=str(folder)),
        "none": dict,
    }[how]

    def once() -> None:
        with (
            tempfile.TemporaryDirectory() as temporary,
            beam.Pipeline(runner=RUNNER) as pipeline,
            tft_beam.Context(temp_dir=temporary),
        ):
            batches = pipeline | beam.Create(data) | source.BeamSource()
            analyze = tft_beam.AnalyzeAndTransformDataset(function, output_record_batches=True)
            (transformed, _), _ = (batches, source.TensorAdapterConfig()) | analyze
            coder = RecordBatchToExamplesEncoder()
            examples = transformed | beam.FlatMapTuple(lambda batch, _: coder.encode(batch))
            _ = examples | beam.combiners.Count.Globally()

    return once


def tokenize_in_python(inputs: dict[str, Any], folder: str) -> dict[str, Any]:
    """What one would write without a tokenizer in the graph: tiktoken in a tf.numpy_function."""
    import numpy as np
    import tensorflow as tf

    def encode(texts: Any) -> tuple[Any, Any]:
        ids = [tiktoken_encoding(folder).encode_ordinary(text.decode()) for text in texts]
        return np.concatenate(ids, dtype=np.int64), np.array([len(each) for each in ids])

    texts = tf.reshape(inputs["text"], [-1])
    ids, lengths = tf.numpy_function(encode, [texts], [tf.int64, tf.int64])
    ids, lengths = tf.ensure_shape(ids, [None]), tf.ensure_shape(lengths, [None])
    return {**inputs, "tokens": tf.RaggedTensor.from_row_lengths(ids, lengths).to_sparse()}


def random_word(size: int) -> str:
    """Of letters, always the same."""
    return "".join(random.Random(0).choices("abcdefghijklmnopqrstuvwxyz", k=size))


class Side:
    """What answers the harness."""

    def __init__(self, library: str) -> None:
        self.library = library
        self.once: Once = lambda: None

    def answer(self, do: str, **message: Any) -> Any:
        """`prepare` a task, or time what was prepared."""
        if do == "prepare":
            self.once = self._prepare(**message)
            return True
        if do == "time":
            return cpu_seconds(self.once, message["repeat"])
        if do == "peak":
            self.once()
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        raise ValueError(do)

    def _prepare(self, task: str, folder: str, **arguments: Any) -> Once:
        if task == "encode":
            return globals()[f"encode_with_{self.library}"](Path(folder), arguments["texts"])
        if task == "train":
            corpus = Path(folder) / arguments["corpus"]
            return globals()[f"train_with_{self.library}"](corpus, arguments["vocab_size"])
        if task == "transform":
            return transform(Path(folder), arguments["corpus"], arguments["how"])
        raise ValueError(task)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    from harness import serve

    serve(Side(sys.argv[1]).answer)
