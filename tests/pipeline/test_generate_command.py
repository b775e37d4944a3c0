"""``gptfx generate`` and ``gptfx score``: a model is asked from the command line."""

import json
import math
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from gptfx.modules.config import BigramConfig, GenerationConfig
from gptfx.modules.export.saved_model import export
from gptfx.modules.export.serving_model import ServingModel
from gptfx.modules.language_model import language_model
from gptfx.modules.models.bigram import fit_bigram
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.tokenizers.tokenizer import Tokenizer

TEXT = b"abab acab bcab\n" * 40
NEWEST = "1700000002"
COMMAND = Path(sys.executable).parent / "gptfx"


Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With two pushed versions of a bigram of bytes, which the tests ask."""
    path = tmp_path_factory.mktemp("root")
    tokenizer = Tokenizer(())
    for version, text in (("1700000001", b"xy" * 50), (NEWEST, TEXT)):
        stream = np.frombuffer(text, np.uint8).astype(np.int32)
        model = fit_bigram([stream], tokenizer.vocab_size, BigramConfig(smoothing=0.01))
        view = language_model(model, tokenizer.vocab_size, 16)
        config = GenerationConfig(max_new_tokens=9, largest_batch=3)
        folder = path / "serving" / "mine" / version
        card = {"generation": config.model_dump(), "passage_bytes": 64}
        export(ServingModel(GraphTokenizer(tokenizer), view, config), folder, card)
    return path


@pytest.fixture(scope="module")
def ask(root: Path, gptfx: Any) -> Ask:
    """Runs a command with the root."""
    return lambda *words, **how: gptfx(*words, "--root", str(root), **how)


def lines(done: Any) -> list[dict[str, Any]]:
    """A JSON object a line."""
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def test_one_prompt_is_streamed_and_told_in_json_alike(ask: Ask) -> None:
    words = ("generate", "ab", "--seed", "3", "--max-new-tokens", "20")
    streamed = ask(*words, "--model", "latest")
    assert (streamed.code, streamed.err) == (0, "")
    (told,) = lines(ask(*words, "--json"))
    assert streamed.out == "ab" + told["text"] + "\n"
    assert told["model"].endswith(NEWEST)
    told.pop("model"), told.pop("model_id"), told.pop("text")
    assert told == {"prompt": "ab", "tokens": 20, "finish_reason": "length", "seed": 3}


def test_prompts_of_a_file_and_of_standard_input_are_continued_in_batches(
    ask: Ask, tmp_path: Path
) -> None:
    prompts = ["ab", "", "c", "ac", "\ufffd"]  # more than the model takes at once
    file = tmp_path / "prompts.txt"
    file.write_bytes(b"ab\n\nc\r\nac\n" + b"\xff")
    words = ("generate", "--json", "--seed", "3", "--max-new-tokens", "8")
    told = lines(ask(*words, "--file", str(file)))
    assert [each["prompt"] for each in told] == prompts
    assert [each["seed"] for each in told] == [3, 4, 5, 6, 7]
    piped = ask(*words, text="ab\n\nc\nac\n\ufffd\n")
    assert lines(piped) == told
    (alone,) = lines(ask("generate", "ac", *words[1:3], "6", *words[4:], "--json"))
    assert alone == told[3]
    plain = ask("generate", "--file", "-", *words[2:], text="ab\nc\n")
    assert plain.out.startswith("ab" + told[0]["text"] + "\n\nc")


def test_a_prompt_is_read_alike_as_an_argument_and_from_a_file(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_bytes(b"\xef\xbb\xbfab\xe9\n")  # with the mark of UTF-8
    words = ("--seed", "1", "--max-new-tokens", "5", "--json")
    told = lines(ask("generate", *words, "--file", str(tmp_path / "prompts.txt")))
    assert told == lines(ask("generate", "ab\udce9", *words))  # as Python has it from the system
    assert told[0]["prompt"] == "ab\ufffd"


@pytest.mark.parametrize("batch_size", ["1", "3"])
def test_a_prompt_that_is_refused_is_named_by_its_line_and_those_before_it_are_answered(
    make_small_gpt: Callable[[Path], None], ask: Ask, tmp_path: Path, batch_size: str
) -> None:
    make_small_gpt(tmp_path / "model")  # which sees 8 tokens
    words = ("generate", "--json", "--seed", "1", "--model", str(tmp_path / "model"))
    done = ask(*words, "--batch-size", batch_size, text="a\nb\n" + "c" * 9 + "\nd\n")
    assert done.code == 2
    assert "standard input, line 3: prompt: too long, in tokens. Received: '[9]'" in done.err
    assert done.err.count("\n") == 1
    told = [json.loads(line) for line in done.out.splitlines()]
    assert [(each["prompt"], each["seed"]) for each in told] == [("a", 1), ("b", 2)]


def test_prompts_before_a_line_that_is_no_text_are_answered(ask: Ask) -> None:
    done = ask("generate", "--json", "--max-new-tokens", "3", text="a\nb\nc\0\nd\n")
    assert done.code == 2
    assert "standard input, line 3: a NUL byte" in done.err
    assert [json.loads(line)["prompt"] for line in done.out.splitlines()] == ["a", "b"]


def test_without_a_standard_input_nothing_was_given(root: Path) -> None:
    for more, message in (((), "no prompt was given"), (("--file", "-"), "input is closed")):
        command = shlex.join([str(COMMAND), "generate", *more, "--root", str(root)])
        done = subprocess.run(["sh", "-c", f"{command} <&-"], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_reader_that_goes_away_is_not_told_of(root: Path) -> None:
    words = ["generate", "ab", "--max-new-tokens", "4000", "--root", str(root)]
    command = f"{shlex.join([str(COMMAND), *words])}; echo $? >&2"
    done = subprocess.run(
        ["sh", "-c", f"({command}) | head -c 1"], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("a", "141\n")


@pytest.mark.parametrize("how", ["version", "folder"])  # the others ask the latest
def test_any_version_can_be_asked(ask: Ask, root: Path, how: str) -> None:
    folder = root / "serving" / "mine" / "1700000001"
    name = {"version": folder.name, "folder": str(folder)}[how]
    (told,) = lines(ask("generate", "xy", "--temperature", "0", "--json", "--model", name))
    assert told["text"].startswith("xyxy")


def test_stop_words_end_a_text(ask: Ask) -> None:
    (told,) = lines(ask("generate", "a", "--json", "--stop", " ", "--stop", "c"))
    assert told["finish_reason"] == "stop"
    assert not set(" c") & set(told["text"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("generate", "a", "--model", "5"), "no such version in"),
        (("generate", "a", "--model", ""), "no model was named"),
        (("generate", "a", "--model", "nowhere"), "no model to load. Received: 'nowhere'"),
        (("generate", "a", "--file", "b"), "a prompt and --file were given"),
        (("generate", "--file", "nowhere"), "the prompts cannot be read (No such file"),
        (("generate",), "there are no prompts. Received: 'standard input'"),
        (
            ("generate", "a", "--max-new-tokens", "5000"),
            "--max-new-tokens: more than the model takes. Received: 5000. What to do: give at most"
            " 4096.",
        ),
        (("generate", "a", "--batch-size", "9"), "--batch-size: more than the model takes."),
        (("generate", "a" * 70_000), "gptfx: prompt: too long, in bytes. Received: '[70000]'"),
        (("generate", "a", "--stop", ""), "--stop is empty"),
        (("generate", "a", "--stop", "b\x1fc"), "--stop holds U+001F"),
        (("generate", "a", *["--stop", "b"] * 65), "--stop: too many. Received: 65."),
        (("generate", "a", "--stop", "\udce9"), "--stop is not UTF-8. Received: b'\\xe9'"),
        (("generate", "a", "--temperature", "nan"), "--temperature"),
        (("generate", "a", "--top-k", "-1"), "Received: 'generate a --top-k -1"),
        (("generate", "a", "--wibble"), "No such option: --wibble"),
        (("generate", "--file", "binary.txt"), "Received: 'binary.txt, line 1: a NUL byte'"),
        (("generate", "a", "--top-p", "0"), "--top-p is a share"),
        (("score", "nowhere"), "neither the name of a corpus nor an existing path"),
        (("score", "empty.txt"), "the corpus is empty"),
        (("score", "empty.txt"), "/empty.txt'. What to do: name files that hold text"),
        (("score", "unicode", "--passage-bytes", "2000000"), "'--passage-bytes'"),
        (("score", "binary.txt"), "hold no UTF-8 text but binary data"),
        (("score", "latin1.txt"), "What to do: convert the file to UTF-8.\n"),
        (("score", "latin1.txt"), "/latin1.txt is not valid UTF-8. Received: '25.000% of"),
        (("score", "unicode", "--model", "nowhere"), "no model to load. Received: 'nowhere'"),
        (("score",), "Missing argument 'FILE'. Received: 'score"),
    ],
)
def test_bad_input_is_one_line(
    ask: Ask, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    (tmp_path / "empty.txt").touch()
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\0")
    (tmp_path / "latin1.txt").write_bytes(b"caf\xe9")
    refused = ask(*words, cwd=tmp_path, text="")
    assert refused.code == 2
    assert message in refused.err
    assert refused.err.count("\n") == 1
    assert refused.out == ""


def test_a_text_that_ends_with_the_context_says_so(
    make_small_gpt: Callable[[Path], None], ask: Ask, tmp_path: Path
) -> None:
    make_small_gpt(tmp_path / "model")
    words = ("generate", "abc", "--temperature", "0", "--model", str(tmp_path / "model"))
    done = ask(*words)
    assert done.code == 0
    told = "the text ends here: the model cannot see further\n"
    assert done.err == f"gptfx: {told}"
    of_file = ask("generate", *words[2:], text="a" * 8 + "\n")
    assert of_file.err == f"gptfx: standard input, line 1: {told}"


def test_a_model_that_makes_fewer_tokens_than_is_usual_makes_as_many_as_it_can(
    make_small_gpt: Callable[..., None], ask: Ask, tmp_path: Path
) -> None:
    make_small_gpt(tmp_path / "model", max_new_tokens=2, most_new_tokens=3)
    (told,) = lines(ask("generate", "a", "--json", "--model", str(tmp_path / "model")))
    assert (told["tokens"], told["finish_reason"]) == (3, "length")


def test_a_version_that_was_pushed_goes_before_a_folder_of_that_name(
    ask: Ask, tmp_path: Path
) -> None:
    (tmp_path / "1700000001").mkdir()
    words = ("generate", "a", "--max-new-tokens", "1", "--model", "1700000001")
    assert ask(*words, cwd=tmp_path).code == 0


@pytest.fixture
def make_small_gpt() -> Callable[..., None]:
    """Exports a GPT with learned positions and a block of 8 into a folder."""

    def make(folder: Path, **generation: int) -> None:
        from gptfx.modules.config import ModelConfig
        from gptfx.modules.models.gpt import GPT

        config = ModelConfig(block_size=8, n_layer=1, n_head=1, n_embd=4)
        gpt = GPT(config, 257)
        gpt(tf.zeros([1, 2], tf.int32))
        # As likely as token 0, which is the first of the two: the likeliest text never ends.
        table = gpt.wte.get_weights()[0]
        table[256] = table[0]
        gpt.wte.set_weights([table])
        view = language_model(gpt, 257, 8, frozen="float32")
        config = GenerationConfig(**generation)
        card = {"generation": config.model_dump()}
        export(ServingModel(GraphTokenizer(Tokenizer(())), view, config), folder, card)

    return make


def test_a_score_adds_up_what_the_model_says(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes(TEXT)
    words = ("score", str(tmp_path / "text.txt"))
    (told,) = lines(ask(*words, "--json"))
    assert told["passage_bytes"] == 64  # which the model was judged by
    assert (told["bytes"], told["tokens"]) == (len(TEXT), len(TEXT))
    bits = told["nats_per_token"] / math.log(2)  # a token is a byte
    assert told["bits_per_byte"] == pytest.approx(bits)
    assert told["perplexity"] == pytest.approx(math.exp(told["nats_per_token"]))
    assert bits < 1.5
    assert told["model_id"]
    shown = ask(*words).out
    assert f"bits per byte   {told['bits_per_byte']:.4f}\n" in shown
    whole = lines(ask(*words, "--json", "--passage-bytes", "4096"))[0]
    assert whole["bits_per_byte"] < told["bits_per_byte"]  # fewer beginnings
    other = lines(ask(*words, "--json", "--model", "1700000001"))[0]
    assert other["bits_per_byte"] > 3 * told["bits_per_byte"]
