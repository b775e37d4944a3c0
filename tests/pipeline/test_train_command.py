"""``gptfx train``: the modules of the pipeline, without one."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from gptfx.data.errors import InputError
from gptfx.modules.export.card import read_card
from gptfx.modules.export.versions import versions
from gptfx.pipeline.training_config import GPT2, training_config

COMMAND = Path(sys.executable).parent / "gptfx"
WITHOUT = {"tfx", "apache_beam", "tensorflow_transform", "tensorflow_model_analysis"}
SMOKE = ("train", "gpt", "--preset", "smoke")
SMALL = (
    "--set", "model.n_layer=1", "--set", "model.block_size=16", "--set", "trainer.batch_size=4",
)  # fmt: skip


class Training(NamedTuple):
    """A training that ended: its folder, what it printed, and what of `WITHOUT` it imported."""

    folder: Path
    printed: str
    imported: str


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """The preset `smoke` as it ships, in the default folder."""
    cwd = tmp_path_factory.mktemp("train")
    code = (
        "import sys; from gptfx.pipeline.cli.main import main\n"
        "try: main()\n"
        f"finally: print(sorted({WITHOUT} & set(sys.modules)), file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, *SMOKE]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True)
    return Training(cwd / "runs" / "train" / "gpt", done.stdout, done.stderr)


def test_nothing_of_tfx_is_imported(trained: Training) -> None:
    assert trained.imported == "[]\n"


def test_the_screen_shows_texts_progress_curve_and_what_came_of_it(trained: Training) -> None:
    lines = trained.printed.splitlines()
    assert lines[0] == "gptfx: gpt, preset smoke, log in runs/train/gpt/train.log"
    assert "  texts: scene, unicode" in lines
    assert "  tokenizer: bpe, 384 ids" in lines
    progress = r"    training: step 400/400, loss [\d.]+ nats/token, [\d,]+ tokens/s, 0 s left"
    assert re.search(progress, trained.printed)
    assert "nats/token" in lines
    assert re.search(r"^ +20 +400 steps$", trained.printed, re.MULTILINE)
    judged = re.search(r"On the eval split: (.+) nats/token, (.+) bits/byte", trained.printed)
    assert judged is not None
    assert 1.0 < float(judged[1]) < 6.0
    assert 1.0 < float(judged[2]) < 8.0
    assert lines[-1] == "Saved: runs/train/gpt/model, runs/train/gpt/curves.png"


def test_the_model_that_is_saved_says_the_sample_again(
    trained: Training, gptfx: Any, tmp_path: Path
) -> None:
    sample = trained.printed.partition("A sample, from the prompt 'KING':\n\n")[2]
    named = ("--model", str(trained.folder / "model"))
    said = ("--seed", "0", "--max-new-tokens", "80")  # as the preset has it
    again = gptfx("generate", "KING", *named, *said, cwd=tmp_path)
    assert again.out.startswith("KING")
    assert sample.startswith(again.out)
    assert gptfx("tokenizer", "encode", "a", *named).out == f"{ord('a')}\n"


def test_the_folder_holds_model_and_curves_and_no_checkpoints(trained: Training) -> None:
    names = {path.name for path in trained.folder.iterdir()}
    assert len(list(trained.folder.glob("events.out.tfevents.*"))) == 1
    assert {name for name in names if "tfevents" not in name} == {
        ".lock", "curves.json", "curves.png", "model", "train.log",
    }  # fmt: skip
    points = json.loads((trained.folder / "curves.json").read_text())
    assert [point["step"] for point in points] == list(range(20, 401, 20))


def test_the_model_is_that_of_the_pipeline_to_the_bit(trained: Training, smoke: Any) -> None:
    ours = read_card(trained.folder / "model")
    theirs = read_card(versions(smoke.root / "serving" / "smoke")[-1].folder)
    assert ours is not None
    assert theirs is not None
    ours_id, theirs_id = ours.pop("model_id"), theirs.pop("model_id")
    assert ours == theirs  # the same texts, tokenizer, tokens and settings
    assert ours_id == theirs_id  # the same weights


def test_a_training_that_was_stopped_goes_on(gptfx: Any, tmp_path: Path) -> None:
    words = (
        *SMOKE, *SMALL, "--set", "trainer.steps=500",
        "--set", "trainer.log_every=20", "--set", "trainer.checkpoint_every=20",
        "--set", "generation.weights=bfloat16", "--out", str(tmp_path / "out"),
    )  # fmt: skip
    command = [str(COMMAND), *words]
    stopped = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert stopped.stdout is not None
    for line in stopped.stdout:
        if "step 100/500" in line:
            os.kill(stopped.pid, signal.SIGINT)
            break
    rest, _ = stopped.communicate(timeout=120)
    assert stopped.returncode == 130
    (step,) = re.findall(r"Stopped; the same command goes on from step (\d+)\.", rest)
    again = gptfx(*words)
    assert again.code == 0, again.err
    assert f"goes on from step {step}, where a run was stopped" in again.out
    assert "step 500/500" in again.out
    points = json.loads((tmp_path / "out" / "curves.json").read_text())
    assert [point["step"] for point in points] == list(range(20, 501, 20))
    assert not (tmp_path / "out" / "checkpoints").exists()
    matrices = _matrices(tmp_path / "out" / "model")
    assert len(matrices) == 5  # the table of tokens, and a block's four
    for matrix in matrices:
        np.testing.assert_array_equal(matrix, matrix.astype(tf.bfloat16.as_numpy_dtype))


def _matrices(exported: Path) -> list[np.ndarray]:
    """Of a saved model, those that are rounded."""
    saved = tf.train.load_checkpoint(str(exported / "variables" / "variables"))
    names = [name for name in saved.get_variable_to_shape_map() if name.endswith("VALUE")]
    kept = ("kernel/.ATTRIBUTES/VARIABLE_VALUE", "wte.S_embeddings/.ATTRIBUTES/VARIABLE_VALUE")
    return [saved.get_tensor(name) for name in names if name.endswith(kept)]


def test_the_bigram_is_trained_to_its_optimum_and_the_counts_are_saved(
    gptfx: Any, tmp_path: Path
) -> None:
    said = gptfx(
        "train", "bigram", "--corpus", "scene", "--set", "tokenizer.kind=byte",
        "--set", "trainer.steps=300", "--set", "trainer.batch_size=16",
        "--out", str(tmp_path), "--prompt", "HAM",
        # fewer than the passages of the eval split
        "--set", "generation.largest_batch=1", "--set", "data.passage_bytes=256",
    )  # fmt: skip
    assert said.code == 0, said.err
    nats = [float(value) for value in re.findall(r"^  (\d\.\d{4})  ", said.out, re.MULTILINE)]
    optimum, trained, smoothed = nats
    assert optimum < trained < optimum + 0.01
    assert optimum < smoothed
    (above,) = re.findall(r"trained by gradient: (.+) above that", said.out)
    assert float(above) == pytest.approx(trained - optimum, abs=1.01e-4)
    assert "\nHAM" in said.out
    card = read_card(tmp_path / "model")
    assert card is not None
    assert card["lineage"] == {"corpora": ["scene"], "tokenizer": "byte", "preset": "bigram"}
    assert "trainer" not in card


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("rnn",), "no such model. Received: 'rnn'. What to do: name one of bigram, gpt, gpt2."),
        (("gpt", "--corpus", "nowhere"), "neither the name of a corpus nor an existing path"),
        (("gpt", "--set", "trainer.stepps=1"), "unknown key trainer.stepps"),
        (("gpt", "--corpus", "scene", "--out", "file"), "this is a file, not a folder"),
        (("gpt", "--preset", "nowhere"), "no such preset"),
        (("gpt", "--preset", "bigram"), "the preset bigram is not of a gpt"),
        (("bigram", "--preset", "smoke"), "the preset smoke is not of a bigram"),
        (("gpt2", "--set", "model.positions=rotary"), "this would be no GPT-2"),
        (("gpt", "--set", "trainer.streaming=true"), "keeps the tokens in memory"),
        (("gpt", "--set", "tuner.enabled=true"), "gptfx train searches for nothing"),
        (("gpt", "--set", "trainer.init_from=none"), "there is no model to start from"),
        (("gpt", "--corpus", "scene", "--set", "trainer.gpus=64"), "there are too few GPUs"),
        (("gpt", "--corpus", "file"), "the eval split of the corpus is empty"),
        (
            ("bigram", "--corpus", "scene", "--set", "tokenizer.kind=gpt2"),
            "a table of 50,257 x 50,257 logits is too large to be trained",
        ),
    ],
)
def test_bad_input_is_one_line(
    gptfx: Any, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    (tmp_path / "file").write_text("x")
    refused = gptfx("train", *words, cwd=tmp_path)
    assert refused.code == 2
    assert message in refused.err
    assert refused.err.count("\n") == 1


def start_training(out: Path, tf_config: dict[str, Any] | None = None) -> subprocess.Popen[str]:
    environment = {**os.environ, **({"TF_CONFIG": json.dumps(tf_config)} if tf_config else {})}
    command = [str(COMMAND), "train", "gpt", "--preset", "smoke", "--out", str(out)]
    settings = ["--set", "trainer.steps=40", "--set", "trainer.checkpoint_every=20"]
    return subprocess.Popen(
        [*command, *settings], env=environment, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_two_workers_fit_one_model_and_the_first_saves_it(
    two_workers: list[dict[str, Any]], tmp_path: Path
) -> None:
    """With the losses of one worker, up to rounding."""
    both = [start_training(tmp_path / "two", each) for each in two_workers]
    said = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert f"Saved: {tmp_path}/two/model" in said[0]
    assert said[1].endswith("Worker 1 has done its part; worker 0 saves the model.\n")
    alone = start_training(tmp_path / "one")
    assert f"Saved: {tmp_path}/one/model" in alone.communicate(timeout=300)[0]
    losses = {}
    for folder in ("one", "two"):
        points = json.loads((tmp_path / folder / "curves.json").read_text())
        losses[folder] = [point["loss"] for point in points]
    assert losses["two"] == pytest.approx(losses["one"], rel=1e-4)


def test_a_pipeline_is_one_process(gptfx: Any, tmp_path: Path) -> None:
    cluster = json.dumps({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"index": 0}})
    refused = gptfx("run", "--preset", "smoke", "--root", str(tmp_path), TF_CONFIG=cluster)
    assert refused.code == 2
    assert "gptfx run is one process. Received: 'TF_CONFIG: 2 workers'" in refused.err


def test_a_gpu_that_is_not_there_is_refused_before_any_node_runs(
    gptfx: Any, tmp_path: Path
) -> None:
    asked = ("--set", "trainer.gpus=64", "--root", str(tmp_path))
    refused = gptfx("run", "--preset", "smoke", *asked, "--json")
    assert refused.code == 2
    assert "there are too few GPUs" in refused.json["error"]
    assert "ingest" not in refused.err


@pytest.mark.slow
def test_counts_alone_take_a_large_vocabulary(gptfx: Any, tmp_path: Path) -> None:
    words = ("--corpus", "scene", "--set", "tokenizer.kind=gpt2", "--set", "trainer.steps=0")
    said = gptfx("train", "bigram", *words, cwd=tmp_path)
    assert said.code == 0, said.err
    assert "50,257 ids" in said.out
    assert "bits/byte" in said.out


def test_a_training_that_diverges_says_so_in_one_line(gptfx: Any, tmp_path: Path) -> None:
    hot = ("--set", "trainer.learning_rate=1e30", "--set", "trainer.warmup_steps=0")
    failed = gptfx(*SMOKE, *SMALL, *hot, cwd=tmp_path)
    assert failed.code == 1
    assert failed.err.startswith("gptfx: training diverged: the loss is not finite at step")
    assert failed.err.count("\n") == 1
    assert not (tmp_path / "runs" / "train" / "gpt" / "model").exists()


def test_gpt2_is_gpt_2_s_architecture_in_the_preset_s_size() -> None:
    modern = training_config("gpt2", "shakespeare-char-cpu", ["model.n_layer=3"], [])
    assert {key: getattr(modern.model, key) for key in GPT2} == GPT2
    assert (modern.model.n_layer, modern.model.n_embd) == (3, 128)
    assert modern.tokenizer.kind == "gpt2"
    assert training_config("gpt2", None, ["tokenizer.kind=bpe"], []).tokenizer.kind == "bpe"
    with pytest.raises(InputError, match=r"no GPT-2.*model\.bias = False"):
        training_config("gpt2", None, ["model.bias=false"], [])
