"""What the README tells a reader to type is run, and what it says about the house is true."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from gptfx.modules.config import ModelConfig
from gptfx.modules.models.gpt import GPT
from gptfx.modules.models.gpt2_weights import load_gpt2, save_gpt2
from gptfx.pipeline.config import DataConfig

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ (gptfx .*?)(?:\s+#.*)?$", README, re.MULTILINE)
QUICK = [
    "trainer.steps=20",
    "infra_validator.enabled=false",
    "evaluator.max_bits_per_byte=9",
    "evaluator.min_gain_over_bigram=null",
    "tuner.trials=2",
    "tuner.steps=10",
    "evaluator.tolerance=9",  # so few steps of what the tuner chose may be worse than those before
]


def test_the_readme_shows_every_command() -> None:
    assert {shlex.split(command)[1] for command in COMMANDS} == {
        "artifacts",
        "lineage",
        "run",
        "runs",
        "train",
        "generate",
        "score",
        "data",
        "doctor",
        "gc",
        "models",
        "tokenizer",
        "kubeflow",
        "schedule",
    }


def test_every_make_target_of_the_readme_is_in_the_makefile() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z-]+)`", README):
        benchmark = REPOSITORY / "tests" / f"{target.replace('-', '/')}.py"  # of bench-NAME
        assert re.search(rf"^{target}:", makefile, re.MULTILINE) or benchmark.is_file(), target


def test_the_tree_names_folders_that_are_there() -> None:
    tree = README.partition("## The tree")[2]
    top = re.findall(r"^([a-z]+)/ ", tree, re.MULTILINE)
    assert set(top) == {
        "data", "modules", "components", "pipeline", "kubeflow", "tests", "docs",
    }  # fmt: skip
    for folder in re.findall(r"^  ([a-z]+)/ ", tree, re.MULTILINE):
        assert (REPOSITORY / "modules" / folder).is_dir()


def test_every_preset_of_the_readme_ships() -> None:
    table = README.partition("## Presets")[2].partition("##")[0]
    named = re.findall(r"^\| `([a-z0-9-]+)` \|", table, re.MULTILINE)
    assert {f"{name}.yaml" for name in named} == {
        path.name for path in (REPOSITORY / "pipeline" / "presets").glob("*.yaml")
    }


def test_the_figures_of_the_readme_are_those_of_the_text(gptfx: Any) -> None:
    figures = gptfx("data", "stats", "unicode").out
    assert f"```text\n{figures}```" in README


def test_the_registered_corpus_of_the_readme_is_a_configuration() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    content = yaml.safe_load(shown.replace('"..."', "a" * 64))
    data = DataConfig.model_validate(content["data"])
    assert data.own_corpora["mine"].licence == "CC0-1.0"


def test_the_readme_s_way_of_reading_and_writing_gpt_2_works(tmp_path: Path) -> None:
    gpt = GPT(ModelConfig(block_size=8, n_layer=1, n_head=2, n_embd=8), 16)
    gpt(np.zeros((1, 8), np.int32))
    save_gpt2(gpt, tmp_path / "FOLDER")
    (code,) = re.findall(r"```python\n([^`]*load_gpt2[^`]*)```", README)
    for folder in ("FOLDER", "COPY"):
        code = code.replace(f'"{folder}"', repr(str(tmp_path / folder)))
    exec(code, {})
    np.testing.assert_array_equal(load_gpt2(tmp_path / "COPY").get_weights()[0], gpt.wte.embeddings)


@pytest.mark.slow
def test_the_commands_of_the_readme_run(gptfx: Any, tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("To be, or not to be.\n" * 2000)
    for span in "123":
        (tmp_path / "logs" / span).mkdir(parents=True)
        (tmp_path / "logs" / span / "a.txt").write_text(f"Day {span}: nothing to be seen.\n" * 900)
    (tmp_path / "prompts.txt").write_text("KING\nROMEO:\n\n")
    (tmp_path / "my.yaml").write_text((REPOSITORY / "pipeline/presets/smoke.yaml").read_text())
    printed = []
    for command in COMMANDS:
        words = shlex.split(command.replace("FILE_OR_FOLDER", "texts"))[1:]
        if words[0] == "run" or words[:2] == ["schedule", "create"]:
            for setting in QUICK:
                words += ["--set", setting]
        elif words[0] == "train":
            words += ["--set", QUICK[0]]
        finished = gptfx(*words, cwd=tmp_path)
        assert finished.code == 0, f"{command}: {finished.err}{finished.out[-2000:]}"
        printed.append(finished.out)
    (pushed, *_) = sorted((tmp_path / "runs" / "serving" / "smoke").glob("[0-9]*"))
    (code,) = re.findall(r"```python\n([^`]*saved_model\.load[^`]*)```", README)
    shown = "runs/serving/default/VERSION"
    assert shown in code
    asked = [sys.executable, "-c", code.replace(shown, str(pushed))]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) > 50
    # As the README shows them: paths below the working folder are told from there.
    assert any("log in runs/logs/" in each and "Pushed: runs/serving/" in each for each in printed)
