"""Every kind of tokenizer goes the whole road: learned, gated, pushed, and asked by its users."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

TEXT = "They'd déjà vu, e\u0301 ﬁne  漢字\n<|endoftext|>"
QUICK = (
    *("--set", "trainer.steps=40", "--set", "evaluator.max_bits_per_byte=9"),
    *("--set", "evaluator.min_gain_over_bigram=null"),
)
ASK = """
import sys, tensorflow as tf
if sys.argv[3]: __import__(sys.argv[3])
model = tf.saved_model.load(sys.argv[1])
made = model.signatures["tokenize"](text=tf.constant([sys.argv[2]]))
print(made["ids"].numpy().tolist())
print(model.signatures["detokenize"](**made)["text"].numpy()[0].decode(), end="")
assert not any(name.partition(".")[0] == "gptfx" for name in sys.modules)
"""


@pytest.mark.parametrize(
    ("settings", "needs", "decoded"),
    [
        (["tokenizer.kind=char"], "", TEXT),
        (["tokenizer.kind=byte"], "", TEXT),
        (["tokenizer.kind=gpt2"], "", TEXT),
        (
            ["tokenizer.normalization=NFKC", 'tokenizer.special_tokens=["<user>"]'],
            "tensorflow_text",
            TEXT.replace("e\u0301", "é").replace("ﬁ", "fi"),
        ),
    ],
    ids=["char", "byte", "gpt2", "normalized"],
)
def test_a_model_of_each_kind_is_pushed_and_tokenizes_as_the_command_does(
    gptfx: Any, tmp_path: Path, settings: list[str], needs: str, decoded: str
) -> None:
    root = ("--root", str(tmp_path))
    changes = [word for setting in settings for word in ("--set", setting)]
    finished = gptfx("run", "--preset", "smoke", *root, *QUICK, *changes, "--json")
    assert finished.code == 0, finished.err
    assert finished.json["pushed"] is True
    model = finished.json["model_dir"]
    ids = gptfx("tokenizer", "encode", TEXT, *root, "--json").json["ids"]
    asked = subprocess.run(
        [sys.executable, "-c", ASK, model, TEXT, needs], capture_output=True, text=True, check=True
    )
    assert asked.stdout == f"{ids}\n{decoded}"
    assert gptfx("tokenizer", "decode", *map(str, ids), *root).out == decoded
    assert gptfx("generate", "SCENE", *root, "--seed", "1", "--max-new-tokens", "5").code == 0
