"""Whole pipelines: killed at every node, an untrained model, the other presets, other corpora."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gptfx.modules.config import ModelConfig
from gptfx.modules.export.card import read_card
from gptfx.modules.export.versions import versions
from gptfx.modules.models.gpt import GPT
from gptfx.modules.models.gpt2_weights import save_gpt2
from gptfx.modules.training.start import start_from
from gptfx.pipeline.console import WHAT

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
SMOKE_NODES = {name for name in WHAT if name != "tuner" and not name.startswith("bulk")}
QUICK = ("--set", "trainer.steps=40", "--set", "evaluator.max_bits_per_byte=9")
UNASKED = ("--set", "infra_validator.enabled=false")  # takes its time, and is another test's affair


def start_and_kill_at(node: str, delay: float, command: list[str], root: Path) -> bool:
    """Starts a run and kills it `delay` seconds after `node` starts; False if it ended before."""
    logs = root / "logs"
    known = set(logs.glob("*.log")) if logs.is_dir() else set()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wanted = f"Component {node} is running."
    while process.poll() is None:
        fresh = set(logs.glob("*.log")) - known if logs.is_dir() else set()
        if any(wanted in log.read_text(errors="replace") for log in fresh):
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.05)
    return False


def test_a_run_killed_at_any_node_completes_when_it_is_run_again(
    gptfx: Any, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    arguments = ["run", "--preset", "smoke", "--root", str(root), *QUICK]
    # An untrained model is worse than the bigram; here only the road matters.
    arguments += ["--set", "evaluator.min_gain_over_bigram=null"]
    command = [str(Path(sys.executable).parent / "gptfx"), *arguments]
    killed = []
    for node in WHAT:
        if node in SMOKE_NODES - {"bigram"} and start_and_kill_at(node, 0.3, command, root):
            killed.append(node)
    assert {"ingest", "transform", "trainer", "evaluator"} <= set(killed)
    finished = gptfx(*arguments, "--json")
    assert finished.code == 0, finished.err
    assert len(versions(root / "serving" / "smoke")) == 1
    assert finished.json["model_dir"] == str(versions(root / "serving" / "smoke")[0].folder)


def test_an_untrained_model_is_refused_by_the_gate_of_smoke(gptfx: Any, tmp_path: Path) -> None:
    finished = gptfx(
        "run", "--preset", "smoke", "--root", str(tmp_path), "--set", "trainer.steps=0", "--json"
    )
    assert finished.code == 3
    assert finished.json["pushed"] is False
    assert any("absolute bound" in reason for reason in finished.json["refused"])


def test_a_worse_model_is_refused_and_names_the_one_it_was_compared_with(
    gptfx: Any, tmp_path: Path
) -> None:
    arguments = ("run", "--preset", "smoke", "--root", str(tmp_path), "--json")
    first = gptfx(*arguments)
    assert first.code == 0, first.err
    worse = gptfx(
        *arguments,
        "--set",
        "trainer.steps=60",
        "--set",
        "evaluator.max_bits_per_byte=9",
        "--set",
        "evaluator.min_gain_over_bigram=null",
    )
    assert worse.code == 3
    assert any("last blessed model" in reason for reason in worse.json["refused"])
    assert len(versions(tmp_path / "serving" / "smoke")) == 1


def test_no_cache_trains_the_same_model_again_and_pushes_no_second_version(
    gptfx: Any, tmp_path: Path
) -> None:
    arguments = ("run", "--preset", "smoke", "--root", str(tmp_path), "--json", *UNASKED)
    first = gptfx(*arguments)
    again = gptfx(*arguments, "--no-cache")
    assert (first.code, again.code) == (0, 0)
    assert not any(node["cached"] for node in again.json["nodes"])
    assert again.json["metrics"] == first.json["metrics"]
    assert again.json["model_dir"] == first.json["model_dir"]
    assert again.json["pushed"] is False


def test_a_tuned_run_is_pushed_with_what_was_found_and_the_search_is_not_made_twice(
    gptfx: Any, tmp_path: Path
) -> None:
    arguments = (
        "run", "--preset", "smoke", "--root", str(tmp_path), "--json", *QUICK, *UNASKED,
        "--set", "tuner.enabled=true", "--set", "tuner.trials=2", "--set", "tuner.steps=20",
        "--set", "tuner.n_embd=[32, 48]", "--set", "tuner.n_layer=[1, 2]",
        "--set", "evaluator.min_gain_over_bigram=null",
    )  # fmt: skip
    first = gptfx(*arguments)
    assert first.code == 0, first.err
    found = re.search(r"tuner: best of 2 trials: .*n_embd (\d+), n_layer (\d+)", first.err)
    card = read_card(Path(first.json["model_dir"]))
    assert [card["model"][key] for key in ("n_embd", "n_layer")] == list(map(int, found.groups()))
    assert card["tuned"]["learning_rate"] == card["trainer"]["learning_rate"]
    again = gptfx(*arguments)
    assert all(node["cached"] for node in again.json["nodes"])
    longer = gptfx(*arguments, "--set", "trainer.steps=50")
    trained = {node["id"] for node in longer.json["nodes"] if not node["cached"]}
    assert "trainer" in trained
    assert "tuner" not in trained


LARGE = {  # as little of each as shows that it runs
    "shakespeare-char-cpu": ["trainer.steps=20"],
    "baby": ["trainer.steps=2", "trainer.batch_size=2"],
    "gpt2-124m": [
        *("trainer.steps=1", "trainer.batch_size=1", "trainer.accumulate=1"),
        "data.eval_fraction=0.2",  # or there is no window of 1,024 tokens in it
    ],
}


@pytest.mark.parametrize("preset", LARGE)
def test_a_large_preset_runs_to_the_gate_which_refuses_what_has_hardly_learned(
    gptfx: Any, tmp_path: Path, preset: str
) -> None:
    settings = [*LARGE[preset], "trainer.validation_tokens=1024", "generation.max_new_tokens=2"]
    finished = gptfx(
        "run", "--preset", preset, "--corpus", "scene", "--root", str(tmp_path), "--json",
        *(word for setting in settings for word in ("--set", setting)),
    )  # fmt: skip
    assert finished.code == 3, finished.err
    assert any("absolute bound" in reason for reason in finished.json["refused"])
    assert finished.json["nodes"][-1]["id"] == "pusher"


def test_a_gpt_2_in_a_folder_is_finetuned_and_other_weights_in_it_train_again(
    gptfx: Any, tmp_path: Path
) -> None:
    """The preset, made small; the weights are random, and stay nearly what they were."""
    shape = {"block_size": 64, "n_layer": 1, "n_head": 2, "n_embd": 16}
    folder = tmp_path / "gpt2"
    settings = [f"model.{key}={value}" for key, value in shape.items()]
    settings += [f"trainer.init_from={folder}", "trainer.steps=1", "trainer.learning_rate=1e-9"]
    settings += ["trainer.warmup_steps=0", "trainer.validation_tokens=1024"]
    arguments = (
        "run", "--preset", "gpt2-124m", "--corpus", "scene", "--root", str(tmp_path), "--json",
        *(word for setting in settings for word in ("--set", setting)),
        "--set", "evaluator.max_bits_per_byte=9", "--set", "evaluator.min_gain_over_bigram=null",
    )  # fmt: skip
    gpt2 = GPT(ModelConfig.model_validate(shape), 50_257)
    gpt2(np.zeros((1, 2), np.int32))
    save_gpt2(gpt2, folder)
    first = gptfx(*arguments)
    assert first.code == 0, first.err
    again = GPT(ModelConfig.model_validate(shape), 50_257)
    again(np.zeros((1, 2), np.int32))
    start_from(again, Path(first.json["model_dir"]))
    np.testing.assert_allclose(again.wte.embeddings, gpt2.wte.embeddings, atol=1e-6)
    assert all(node["cached"] for node in gptfx(*arguments).json["nodes"])
    gpt2.wte.embeddings.assign(gpt2.wte.embeddings * 1.01)
    save_gpt2(gpt2, folder)
    changed = gptfx(*arguments)
    trained = {node["id"] for node in changed.json["nodes"] if not node["cached"]}
    assert "trainer" in trained
    assert "transform" not in trained


@pytest.mark.parametrize("dense_up_to", [8192, 0])
def test_the_bigram_is_pushed_on_its_own(gptfx: Any, tmp_path: Path, dense_up_to: int) -> None:
    finished = gptfx(
        "run", "--preset", "bigram", "--corpus", "scene", "--root", str(tmp_path), "--json",
        "--set", f"bigram.dense_up_to={dense_up_to}", "--set", "tokenizer.vocab_size=384",
        "--set", "evaluator.max_bits_per_byte=4",
    )  # fmt: skip
    assert finished.code == 0, finished.err
    assert "bigram" not in {node["id"] for node in finished.json["nodes"]}
    assert gptfx("generate", "SCENE", "--root", str(tmp_path), "--seed", "1").code == 0


def test_a_spanned_corpus_with_a_weight_trains_again_when_a_file_is_added_not_when_touched(
    gptfx: Any, tmp_path: Path
) -> None:
    texts = tmp_path / "texts"
    for span in ("1", "2"):
        (texts / span).mkdir(parents=True)
        (texts / span / "a.txt").write_text("The quick brown fox jumps over the dog.\n" * 400)
    (texts / "2" / "empty.txt").touch()
    arguments = (
        "run", "--preset", "smoke", "--corpus", f"{texts}/{{SPAN}}", "--corpus", "scene",
        "--root", str(tmp_path / "root"), "--json", *QUICK, *UNASKED,
        "--set", "tokenizer.vocab_size=300", "--set", "data.weights.texts=0.5",
        "--set", "evaluator.min_gain_over_bigram=null",
    )  # fmt: skip
    first = gptfx(*arguments)
    assert first.code == 0, first.err
    assert first.json["changed"] == []
    os.utime(texts / "1" / "a.txt", (1, 1))
    touched = gptfx(*arguments)
    assert all(node["cached"] for node in touched.json["nodes"])
    assert touched.json["changed"] == []
    (texts / "1" / "b.txt").write_text("A lazy dog sleeps under the quick brown fox.\n" * 400)
    changed = gptfx(*arguments)
    assert {"ingest", "trainer"} <= {
        node["id"] for node in changed.json["nodes"] if not node["cached"]
    }
    assert changed.json["changed"] == ["added texts/1/b.txt (18,000 bytes)"]
    assert "added texts/1/b.txt" in changed.err
    (texts / "1" / "b.txt").unlink()  # as before: from the cache, and then nothing is new
    back = gptfx(*arguments)
    assert back.json["changed"] == ["removed texts/1/b.txt"]
    assert all(node["cached"] for node in back.json["nodes"] if node["id"] == "trainer")
    assert gptfx(*arguments).json["changed"] == []
    latest = gptfx(*arguments, "--set", "data.latest_spans=1")
    assert latest.json["changed"] == ["removed texts/1/a.txt"]
    assert set(latest.json["sources"]) == {"scene/scene.txt", "texts/2/a.txt"}


def test_a_full_disk_is_one_line_and_what_was_pushed_stays(tmp_path: Path) -> None:
    size = "16m"
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here (needs root)")
    try:
        command = [str(Path(sys.executable).parent / "gptfx"), "run", "--preset", "smoke"]
        command += ["--root", str(tmp_path / "root"), *QUICK]
        (tmp_path / "ballast").write_bytes(b"x" * (15 << 20))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert done.stderr.splitlines()[-1].startswith("gptfx: the disk is full.")
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
