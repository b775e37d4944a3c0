"""``gptfx run`` end to end: pushed, taken from the cache, refused, and spoken from."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gptfx.components.revision import revision
from gptfx.modules.export.versions import versions
from gptfx.pipeline.console import WHAT

SMOKE_NODES = {name for name in WHAT if name != "tuner" and not name.startswith("bulk")}
REMOVED_SOON_BUT_NOT_OURS = {"tf_record_iterator"}  # in TensorFlow Model Analysis


def pushed_versions(root: Path, preset: str = "smoke") -> list[str]:
    return [str(version.folder) for version in versions(root / "serving" / preset)]


def test_smoke_is_pushed_and_says_so_in_json(smoke: Any) -> None:
    result = smoke.finished.json
    assert {node["id"] for node in result["nodes"]} == SMOKE_NODES
    assert all(node["state"] == "complete" and not node["cached"] for node in result["nodes"])
    assert all(node["seconds"] >= 0 for node in result["nodes"])
    assert result["run_id"]
    assert result["blessed"] is True
    assert result["pushed"] is True
    assert result["refused"] == []
    assert pushed_versions(smoke.root) == [result["model_dir"]]


def test_the_model_was_asked_before_it_was_pushed(smoke: Any) -> None:
    validation = smoke.finished.json["infra_validation"]
    assert (validation["blessed"], validation["reason"]) == (True, "")
    assert validation["load_seconds"] > 0
    assert validation["first_request_seconds"] > 0
    assert re.search(r"answers in a new process\s+first request .* s .*passed", smoke.finished.err)


def test_the_pushed_model_beats_the_bigram_by_the_margin(smoke: Any) -> None:
    metrics = smoke.finished.json["metrics"]
    assert metrics["bits_per_byte"] <= metrics["bigram_bits_per_byte"] - 0.1
    assert metrics["perplexity"] > 1
    assert 0 < metrics["token_accuracy"] < 1


def test_the_screen_is_ours_and_names_the_log(smoke: Any) -> None:
    lines = [line for line in smoke.finished.err.splitlines() if line.strip()]
    log = Path(re.search(r"log in (\S+)", lines[0]).group(1))
    assert "Component ingest is running" in log.read_text()
    for node in SMOKE_NODES:
        assert any(line.split()[0] == node for line in lines)
    assert any("step 400/400" in line and "tokens/s" in line for line in lines)
    for noise in ("Warning", "WARNING", "INFO", "Traceback", "Exception ignored", "cuda", "XLA"):
        assert noise not in smoke.finished.err
    assert smoke.finished.out.count("\n") == 1  # the JSON object alone


def test_the_run_meets_no_warning_without_a_named_exception(
    smoke: Any, pytestconfig: pytest.Config
) -> None:
    # The command is a process of its own, so pytest's filter is held against its log.
    known = [line.split(":") for line in pytestconfig.getini("filterwarnings") if ":" in line]
    log = next((smoke.root / "logs").glob("*.log")).read_text(errors="replace")
    warned = re.findall(r"WARNING py\.warnings: (\S+?)\.py:\d+: (\w+): (.*)", log)
    assert warned, "the libraries' warnings are no longer in the log: this test sees nothing"
    for path, category, message in warned:
        module = path.rpartition("site-packages/")[2].replace("/", ".")
        assert any(
            re.match(words, message) and (not where or module.startswith(where))
            for _, words, _, where in known
        ), f"{module}: {category}: {message}"
    # TensorFlow logs what it will remove, rather than warn.
    leaving = set(re.findall(r"From \S*?([\w/]+\.py):\d+: (\w+) .* is deprecated", log))
    assert {name for _, name in leaving} <= REMOVED_SOON_BUT_NOT_OURS


@pytest.fixture(scope="module")
def second(smoke: Any, gptfx: Any) -> Any:
    """The same run again, with nothing changed."""
    return gptfx(*smoke.settings, "--json")


def test_a_second_run_takes_every_node_from_the_cache(second: Any) -> None:
    assert second.code == 0
    assert {node["id"] for node in second.json["nodes"]} == SMOKE_NODES
    assert all(node["cached"] for node in second.json["nodes"])


def test_a_second_run_pushes_no_second_version_and_says_so(smoke: Any, second: Any) -> None:
    assert second.json["pushed"] is False
    assert second.json["unchanged"] is True
    assert second.json["model_dir"] == smoke.finished.json["model_dir"]
    assert second.json["metrics"] == smoke.finished.json["metrics"]
    assert len(pushed_versions(smoke.root)) == 1
    assert "Nothing changed since the last push" in second.err


def test_the_card_of_a_pushed_model_lies_beside_it_and_with_the_artifacts(smoke: Any) -> None:
    card = Path(smoke.finished.json["model_card"])
    extra = Path(smoke.finished.json["model_dir"]) / "assets.extra"
    for name in ("README.md", "card.html"):
        assert (extra / name).read_bytes() == (card / name).read_bytes()
    facts = json.loads((card / "card.json").read_text())
    for place in ("training", "lineage"):
        assert facts[place]["run_id"] == smoke.finished.json["run_id"]
        # Of a checkout without a commit, as line B's copy is, there is none.
        noted = (facts[place]["revision"] or "").rstrip("+")
        assert len(noted) == (40 if revision() else 0)
    assert facts["blessed"] is True
    assert (
        facts["metrics"][0]["model"]["bits_per_byte"]
        == smoke.finished.json["metrics"]["bits_per_byte"]
    )
    assert [corpus["licence"] for corpus in facts["data"]["corpora"]] == ["Apache-2.0"] * 2
    assert facts["memorisation"]["said"]["windows"] == 1000
    assert str(smoke.root) not in json.dumps(facts)
    assert f"Its card: {card / 'card.html'}" in smoke.finished.err


def test_an_impossible_bound_exits_3_pushes_nothing_and_trains_nothing_again(
    smoke: Any, second: Any, gptfx: Any
) -> None:
    refused = gptfx(*smoke.settings, "--json", "--set", "evaluator.max_bits_per_byte=0.1")
    assert refused.code == 3
    result = refused.json
    assert (result["blessed"], result["pushed"], result["model_dir"]) == (False, False, None)
    assert len(result["refused"]) == 1
    assert "bits_per_byte" in result["refused"][0]
    assert "0.1" in result["refused"][0]
    made_anew = {node["id"] for node in result["nodes"] if not node["cached"]}
    assert made_anew <= {"evaluator", "model-card", "pusher"}
    assert re.search(r"absolute bound\s+bits_per_byte.*refused", refused.err)
    card = json.loads(Path(result["model_card"], "card.json").read_text())
    assert (card["blessed"], card["refused"]) == (False, result["refused"])
    assert len(pushed_versions(smoke.root)) == 1


def test_a_model_that_does_not_answer_exits_3_and_says_why(
    smoke: Any, second: Any, gptfx: Any
) -> None:
    hasty = (*smoke.settings, "--json", "--set", "infra_validator.timeout_seconds=1")
    refused = gptfx(*hasty)
    assert refused.code == 3
    result = refused.json
    assert (result["blessed"], result["pushed"], result["model_dir"]) == (False, False, None)
    assert result["refused"] == ["infra validation: no answer within 1 s"]
    assert result["infra_validation"]["reason"] == "no answer within 1 s"
    assert re.search(r"Not pushed:\s+infra validation: no answer within 1 s", refused.err)
    # A refusal is never taken from the cache: the machine may have been busy.
    again = gptfx(*hasty).json
    assert {node["id"] for node in again["nodes"] if not node["cached"]} >= {"infra-validator"}
    assert len(pushed_versions(smoke.root)) == 1


def test_a_deleted_version_is_pushed_again(smoke: Any, second: Any, gptfx: Any) -> None:
    folder = Path(smoke.finished.json["model_dir"])
    folder.rename(smoke.root / "aside")
    again = gptfx(*smoke.settings, "--json")
    assert again.code == 0
    assert again.json["pushed"] is True
    assert {node["id"] for node in again.json["nodes"] if not node["cached"]} == {"pusher"}
    assert len(pushed_versions(smoke.root)) == 1


def test_generate_speaks_from_the_latest_pushed_model(smoke: Any, gptfx: Any) -> None:
    arguments = ("generate", "SCENE", "--root", str(smoke.root), "--max-new-tokens", "12")
    first = gptfx(*arguments, "--seed", "3")
    assert first.code == 0
    assert first.out.startswith("SCENE")
    assert len(first.out.strip()) > len("SCENE")
    assert first.err == ""
    assert gptfx(*arguments, "--seed", "3").out == first.out
    cold = [gptfx(*arguments, "--temperature", "0", "--seed", seed).out for seed in "12"]
    assert cold[0] == cold[1]


WITHOUT_GPTFX = """
import sys
sys.modules["gptfx"] = None
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
print(model.signatures["serving_default"](prompt=tf.constant(["KING"]))["text"].numpy()[0].decode())
"""


def test_the_model_answers_in_a_process_without_gptfx(smoke: Any, tmp_path: Path) -> None:
    folder = pushed_versions(smoke.root)[0]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_GPTFX, folder],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=True,
    )
    assert len(done.stdout) > 10


def test_the_card_says_what_made_the_model(smoke: Any) -> None:
    path = Path(pushed_versions(smoke.root)[0]) / "assets.extra" / "gptfx.json"
    card = json.loads(path.read_text())
    assert card["lineage"] == {
        "corpora": ["scene", "unicode"],
        "preset": "smoke",
        "tokenizer": "bpe",
    }
    assert card["trainer"]["seed"] == 1337
    assert card["versions"]["tensorflow"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--preset", "nope"), ["no such preset", "smoke"]),
        (("--set", "trainer.stepz=3"), ["unknown key trainer.stepz", "steps"]),
        (("--corpus", "/no/such/file"), ["/no/such/file"]),
        (("--set", "bulk_scorer.corpora=[/no/such/text]"), ["/no/such/text"]),
        (("--corpus", "shakespear"), ["shakespear"]),
        (("--root", "/proc/nowhere"), ["/proc/nowhere", "--root"]),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    gptfx: Any, tmp_path: Path, arguments: tuple[str, ...], said: list[str]
) -> None:
    finished = gptfx("run", "--preset", "smoke", *arguments, cwd=tmp_path)
    assert finished.code == 2
    assert finished.err.count("\n") == 1
    for words in said:
        assert words in finished.err
    assert "error" in gptfx("run", *arguments, "--json", cwd=tmp_path).json


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("binary.bin", b"\x7fELF\0\1\2", "binary.bin"),
        ("latin1.txt", "déjà vu ".encode("latin-1") * 20, "latin1.txt"),
    ],
)
def test_a_folder_with_a_bad_file_gets_a_clear_answer(
    gptfx: Any, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / "good.txt").write_text("good text\n" * 50)
    (tmp_path / "empty.txt").touch()
    (tmp_path / name).write_bytes(content)
    finished = gptfx("run", "--corpus", str(tmp_path), "--root", str(tmp_path / ".root"))
    assert finished.code == 2
    assert finished.err.count("\n") == 1
    assert said in finished.err


def test_an_empty_corpus_is_refused(gptfx: Any, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    finished = gptfx("run", "--corpus", str(tmp_path), "--root", str(tmp_path / ".root"))
    assert finished.code == 2
    assert "empty" in finished.err


def test_a_node_that_refuses_the_data_is_bad_input_and_names_what_ran(
    gptfx: Any, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("x")  # too little for an eval split, which only a node sees
    finished = gptfx("run", "--corpus", str(tmp_path), "--root", str(tmp_path / ".root"), "--json")
    assert finished.code == 2
    assert finished.err.splitlines()[-1].startswith("gptfx: the eval split of the corpus is empty")
    result = finished.json
    assert result["nodes"][-1] == {**result["nodes"][-1], "id": "data-gate", "state": "failed"}
    assert "eval split" in result["error"]
    assert (result["blessed"], result["pushed"], result["model_dir"]) == (False, False, None)


def test_generate_without_a_model_says_what_to_do(gptfx: Any, tmp_path: Path) -> None:
    finished = gptfx("generate", "KING", "--root", str(tmp_path))
    assert finished.code == 2
    assert "gptfx run" in finished.err


def test_two_runs_in_one_root_do_not_meet(smoke: Any, gptfx: Any) -> None:
    import fcntl

    with (smoke.root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        finished = gptfx(*smoke.settings)
    assert finished.code == 2
    assert "another run is under way" in finished.err


def test_help_needs_neither_tensorflow_nor_tfx() -> None:
    code = (
        "import sys; from gptfx.pipeline.cli import main; "
        "print(sorted({'tensorflow', 'tfx', 'apache_beam'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_data_list_names_source_hash_and_licence(gptfx: Any) -> None:
    listed = gptfx("data", "list").out
    for name in ("shakespeare", "tinyshakespeare", "unicode", "scene"):
        assert re.search(rf"^{name}$", listed, re.MULTILINE)
    assert len(re.findall(r"sha256\s+[0-9a-f]{64}", listed)) == 4
    assert len(re.findall(r"^  licence ", listed, re.MULTILINE)) == 4


def test_data_fetch_of_an_unknown_name_lists_the_known_ones(gptfx: Any) -> None:
    finished = gptfx("data", "fetch", "hamlet")
    assert finished.code == 2
    assert "shakespeare" in finished.err
