"""``gptfx tokenizer``: what a pushed model's tokenizer makes of text, and its ways in and out."""

import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gptfx.modules.export.versions import versions

TEXT = "They'd déjà vu,  in 1999.\n"


@pytest.fixture(scope="module")
def model(smoke: Any) -> Path:
    return versions(smoke.root / "serving" / "smoke")[-1].folder


def test_what_is_encoded_is_decoded(gptfx: Any, smoke: Any) -> None:
    root = ("--root", str(smoke.root))
    ids = gptfx("tokenizer", "encode", TEXT, *root).out
    assert gptfx("tokenizer", "decode", *ids.split(), *root).out == TEXT
    assert gptfx("tokenizer", "encode", TEXT, "--json", *root).json["ids"] == [
        int(word) for word in ids.split()
    ]


def test_standard_input_is_read_where_no_text_is_given(model: Path) -> None:
    command = [str(Path(sys.executable).parent / "gptfx"), "tokenizer"]
    encode = subprocess.run(
        [*command, "encode", "--model", str(model)],
        input=TEXT.encode() + b"\xff",
        capture_output=True,
        check=True,
    )
    decode = subprocess.run(
        [*command, "decode", "--model", str(model)],
        input=encode.stdout,
        capture_output=True,
        check=True,
    )
    assert decode.stdout == TEXT.encode() + "\ufffd".encode()


def test_the_ids_are_those_of_the_model_s_signature(gptfx: Any, model: Path) -> None:
    code = (
        "import sys, tensorflow as tf; model = tf.saved_model.load(sys.argv[1])\n"
        "made = model.signatures['tokenize'](text=tf.constant([sys.argv[2], '']))\n"
        "print(made['ids'].numpy().tolist(), made['row_splits'].numpy().tolist())\n"
        "print(model.signatures['detokenize'](**made)['text'].numpy()[0].decode())\n"
        "assert 'gptfx' not in sys.modules"
    )
    command = [sys.executable, "-c", code, str(model), TEXT]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    ids = gptfx("tokenizer", "encode", TEXT, "--model", str(model), "--json").json["ids"]
    assert printed == f"{ids} [0, {len(ids)}, {len(ids)}]\n{TEXT}\n"


@pytest.mark.parametrize(
    ("form", "ids_of"),
    [
        ("tiktoken", "tokenizer.encode_ordinary(text)"),
        ("huggingface", "tokenizer.encode(text).ids"),
    ],
)
def test_what_is_exported_gives_the_same_ids_without_gptfx(
    gptfx: Any, model: Path, tmp_path: Path, form: str, ids_of: str
) -> None:
    named = ("--model", str(model))
    out = tmp_path / "exported"
    said = gptfx("tokenizer", "export", "--format", form, "--out", str(out), *named).out
    path, _, *snippet = said.splitlines()
    assert path == str(out)
    lines = [
        *map(str.strip, snippet),
        "import sys",
        "text = sys.argv[1]",
        f"print({ids_of})",
        "assert 'gptfx' not in sys.modules",
    ]
    text = TEXT + "<|endoftext|>"
    command = [sys.executable, "-c", "\n".join(lines), text]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed == f"{gptfx('tokenizer', 'encode', text, '--json', *named).json['ids']}\n"


def test_hugging_face_s_form_comes_back_as_a_tokenizer_of_ours(
    gptfx: Any, model: Path, tmp_path: Path
) -> None:
    out = str(tmp_path / "tokenizer.json")
    gptfx("tokenizer", "export", "--format", "huggingface", "--out", out, "--model", str(model))
    folder = tmp_path / "imported"
    assert gptfx("tokenizer", "import", out, "--out", str(folder)).code == 0
    ours, back = (
        gptfx("tokenizer", "encode", TEXT, "--model", str(place)).out for place in (model, folder)
    )
    assert ours == back


def test_without_colours_tokens_are_divided_by_bars(gptfx: Any, model: Path) -> None:
    shown = gptfx("tokenizer", "show", "in é\n", "--model", str(model)).out
    ids = gptfx("tokenizer", "encode", "in é\n", "--model", str(model)).out.split()
    rate = f"{6 / len(ids):.2f}"
    assert shown.splitlines()[-1] == f"{len(ids)} tokens, 6 bytes, {rate} bytes a token"
    assert "|" in shown
    assert "⏎" in shown


@pytest.mark.parametrize("kind", ["xterm", "xterm-256color"])
def test_with_colours_neighbours_differ_and_are_not_divided(
    gptfx: Any, model: Path, kind: str
) -> None:
    colours = {"FORCE_COLOR": "1", "COLORTERM": "", "TERM": kind}
    shown = gptfx("tokenizer", "show", "ye 99", "--model", str(model), **colours).out
    line = shown.splitlines()[0]
    assert re.sub(r"\x1b\[[0-9;]*m", "", line) == "ye 99"
    backgrounds = re.findall(r"\x1b\[\d+;(\d+)m", line)
    assert len(backgrounds) > 1
    assert all(one != other for one, other in pairwise(backgrounds))


def test_show_says_what_the_tokenizer_is(gptfx: Any, model: Path) -> None:
    said = gptfx("tokenizer", "show", "--model", str(model), "--json").json
    assert (said["kind"], said["vocab_size"], said["normalization"]) == ("bpe", 384, "none")
    assert said["special_tokens"] == {"<|endoftext|>": 383}
    assert "vocab_size      384" in gptfx("tokenizer", "show", "--model", str(model)).out


def test_special_tokens_are_text_unless_they_are_allowed(gptfx: Any, model: Path) -> None:
    spelled = ("tokenizer", "encode", "<|endoftext|>", "--model", str(model))
    assert len(gptfx(*spelled).out.split()) > 1
    assert gptfx(*spelled, "--allow-special").out == "383\n"
    assert gptfx("tokenizer", "decode", "383", "--model", str(model)).out == "<|endoftext|>"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("encode", "a", "--model", "nowhere"), "no tokenizer to load"),
        (("encode", "a", "--root", "nowhere"), "no model has been pushed yet"),
        (("decode", "384"), "no such token"),
        (("decode", "x"), "not an id"),
        (("export", "--format", "gguf", "--out", "x"), "no such format"),
        (("export", "--format", "tiktoken", "--out", "/nowhere/x"), "cannot be written"),
        (("import", "nowhere", "--out", "x"), "cannot be read"),
    ],
)
def test_bad_input_is_one_line(
    gptfx: Any, model: Path, words: tuple[str, ...], message: str
) -> None:
    named = () if {"--model", "--root", "import"} & set(words) else ("--model", str(model))
    refused = gptfx("tokenizer", *words, *named)
    assert refused.code == 2
    assert message in refused.err
    assert refused.err.count("\n") == 1


def test_a_missing_tokenizer_file_ends_a_run_before_it_begins(gptfx: Any, tmp_path: Path) -> None:
    root = tmp_path / "root"
    refused = gptfx(
        "run", "--preset", "smoke", "--root", str(root), "--tokenizer-file", "nowhere.json"
    )
    assert refused.code == 2
    assert "the tokenizer file cannot be read" in refused.err
    assert not root.exists()


def test_without_gpt_2_s_ranks_a_run_says_how_to_get_them(gptfx: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "ranks"
    wrong.write_text("#version: 0.2\n")
    refused = gptfx(
        "run", "--preset", "smoke", "--set", "tokenizer.kind=gpt2", "--tokenizer-file", str(wrong),
        "--root", str(tmp_path / "root"),
    )  # fmt: skip
    assert refused.code == 2
    assert "does not hold GPT-2's ranks" in refused.err
    assert "gptfx[gpt2]" in refused.err


def test_doctor_names_what_the_tokenizer_lacks(gptfx: Any, tmp_path: Path) -> None:
    report = gptfx(
        "doctor", "--preset", "smoke", "--root", str(tmp_path), "--json",
        "--tokenizer-file", str(tmp_path / "nowhere"),
    )  # fmt: skip
    findings = {finding["name"]: finding for finding in json.loads(report.out)["findings"]}
    assert findings["tokenizer"]["state"] == "failure"
    assert "nowhere" in findings["tokenizer"]["found"]
