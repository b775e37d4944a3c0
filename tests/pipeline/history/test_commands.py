"""Each question of an operator is answered by one command."""

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

FIRST, CACHED, REFUSED, FAILED, KILLED = (f"2026-03-0{day}T03:00:00.000001" for day in range(1, 6))


@pytest.fixture
def ask(gptfx: Any, past: Any) -> Any:
    """`ask(*words)` runs a command about the root of `past`, which must succeed."""

    def run(*words: str) -> Any:
        said = gptfx(*words, "--root", str(past.root))
        assert said.code == 0, said.err
        assert said.err == ""
        return said

    return run


def test_the_list_says_how_each_run_ended_and_why(ask: Any) -> None:
    lines = ask("runs", "list").out.splitlines()
    found = {line.split()[0]: " ".join(line.split()) for line in lines[1:]}
    assert list(found) == [KILLED, FAILED, REFUSED, CACHED, FIRST]
    assert " pushed 2.5000 4 0 " in found[FIRST]
    assert " unchanged 2.5000 0 4 " in found[CACHED]
    assert " refused 2.7500 " in found[REFUSED]
    assert found[REFUSED].endswith("bits_per_byte 2.7500 is above the bound 1.0000")
    assert " failed - " in found[FAILED]
    assert found[FAILED].endswith("node trainer failed: OutOfPaperError: no paper")
    assert " killed - " in found[KILLED]
    assert found[KILLED].endswith("killed in node trainer")
    assert " aaaa abcdef1234+" in found[FIRST]


def test_the_list_as_json(ask: Any) -> None:
    runs = {run["run_id"]: run for run in ask("runs", "list", "--json").json}
    first = runs[FIRST]
    keys = set(first)
    assert first.pop("started").startswith("20")
    assert first.pop("seconds") > 0
    assert first.pop("log").endswith(f"{FIRST}.log")
    assert first.pop("model_dir").endswith("/serving/smoke/1700000007")
    assert first == {
        "run_id": FIRST, "pipeline": "gptfx-smoke", "preset": "smoke", "state": "complete",
        "outcome": "pushed", "gptfx_version": "0.1.0", "revision": "abcdef1234567890+",
        "corpora": ["texts"], "fingerprint": "files:1,sha256:aaaa",
        "nodes": {"executed": 4, "cached": 0, "failed": 0},
        "metrics": {"bits_per_byte": 2.5, "perplexity": 20.0},
        "blessed": True, "pushed": True, "version": "1700000007", "refused": [], "forced": None,
        "error": None, "user": "ann", "host": "here",
    }  # fmt: skip
    assert [runs[each]["outcome"] for each in (CACHED, REFUSED, FAILED, KILLED)] == [
        "unchanged", "refused", "failed", "killed",
    ]  # fmt: skip
    assert runs[KILLED]["seconds"] is None  # nobody saw it end
    assert runs[KILLED]["error"] == "killed in node trainer"
    assert all(keys == run.keys() for each, run in runs.items() if each != FIRST)


def test_the_list_can_be_shorter_and_of_one_preset(ask: Any) -> None:
    assert [run["run_id"] for run in ask("runs", "list", "--json", "--limit", "1").json] == [KILLED]
    assert len(ask("runs", "list", "--json", "--limit", "0", "--preset", "smoke").json) == 5
    assert ask("runs", "list", "--json", "--preset", "default").json == []  # ships, has no runs


def test_a_preset_without_runs_is_one_line_with_those_that_have_some(gptfx: Any, past: Any) -> None:
    for words in (["nosuch"], ["nosuch", "--json"], ["default"]):
        said = gptfx("runs", "list", "--root", str(past.root), "--preset", *words)
        assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
        assert f"no runs of this preset. Received: '{words[0]}'" in said.err
        assert said.err.endswith("name one that has runs: smoke.\n")


def why_of(shown: dict[str, Any]) -> dict[str, list[str]]:
    return {node["id"]: node["why"] for node in shown["node_runs"]}


def test_a_node_from_the_cache_says_whose_it_was(ask: Any) -> None:
    why = why_of(ask("runs", "show", CACHED, "--json").json)
    assert list(why) == ["ingest", "trainer", "evaluator", "pusher"]
    for lines in why.values():
        assert lines == [f"inputs, parameters and code are those of run {FIRST}"]


def test_a_node_that_ran_says_what_had_changed(ask: Any) -> None:
    shown = ask("runs", "show", REFUSED, "--json").json
    why = why_of(shown)
    assert why["ingest"] == [
        f"changed texts/fox.txt (20 bytes, now 23) (since run {CACHED})",
    ]
    inputs, code, steps = why["trainer"]
    assert re.fullmatch(
        rf"input examples: artifact \d+, made by ingest; was \d+ \(since run {CACHED}\)", inputs
    )
    assert code == "its code changed"
    assert steps == "parameter custom_config.trainer.steps: 30; was 20"
    assert shown["changed"] == ["changed texts/fox.txt (20 bytes, now 23)"]
    assert shown["config"]["evaluator"] == {"max_bits_per_byte": 1.0}
    assert shown["log_tail"] == []
    assert why_of(ask("runs", "show", FIRST, "--json").json)["trainer"] == ["it never ran before"]


def test_a_run_that_failed_shows_the_end_of_its_log(ask: Any) -> None:
    shown = ask("runs", "show", FAILED, "--json").json
    assert shown["log_tail"] == [*(f"line {number}" for number in range(26, 40)), "OutOfPaperError"]
    assert [node["state"] for node in shown["node_runs"]] == ["cached", "failed"]
    printed = ask("runs", "show", FAILED).out
    assert printed.rstrip().endswith("line 39\n  OutOfPaperError")
    assert re.search(r"^trainer +failed ", printed, re.MULTILINE)


def test_a_run_that_was_killed_has_no_node_at_work(ask: Any) -> None:
    shown = ask("runs", "show", KILLED, "--json").json
    assert [node["state"] for node in shown["node_runs"]] == ["cached", "killed"]


def test_of_a_long_parameter_the_place_is_shown_that_differs(ask: Any) -> None:
    bounds = "parameter eval_config.metrics_specs.0.bounds.1.value: 3.5; was 2.5"
    prompt = f"parameter prompt: ...{'o' * 15}d; was ...{'o' * 15}rr"
    why = why_of(ask("runs", "show", REFUSED, "--json").json)["evaluator"]
    assert why[1:] == [bounds, prompt]


def test_on_a_narrow_terminal_ids_stay_whole(
    ask: Any, past: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = ask("runs", "list").out.splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[0].split() == ["run", "outcome", "why"]
    assert [line.split()[0] for line in lines if line[:2] == "20"] == [
        KILLED, FAILED, REFUSED, CACHED, FIRST,
    ]  # fmt: skip
    monkeypatch.setenv("COLUMNS", "90")
    assert ask("runs", "list").out.split("why")[0].split() == [
        "run", "preset", "outcome", "bits/byte", "revision",
    ]  # fmt: skip
    assert f"sha256:{'f0' * 32}" in ask("lineage").out  # a hash is not cut off


def test_latest_and_beginnings_of_ids_name_runs(ask: Any, gptfx: Any, past: Any) -> None:
    assert ask("runs", "show", "--json").json["run_id"] == KILLED
    assert ask("runs", "show", "2026-03-02", "--json").json["run_id"] == CACHED
    for name, why in (("2026-03", "several runs begin like this"), ("2025", "no such run")):
        said = gptfx("runs", "show", name, "--root", str(past.root))
        assert said.code == 2
        assert said.err.startswith(f"gptfx: {why}. Received: '{name}'. What to do: name one of: ")


def test_two_runs_side_by_side(ask: Any) -> None:
    found = ask("runs", "compare", FIRST, REFUSED, "--json").json
    assert [run["outcome"] for run in found["runs"]] == ["pushed", "refused"]
    assert found["code"] == []
    assert found["config"] == [
        {"what": "trainer.steps", "first": 20, "second": 30},
        {"what": "evaluator.max_bits_per_byte", "first": None, "second": 1.0},
    ]
    assert found["texts"] == ["changed texts/fox.txt (20 bytes, now 23)"]
    assert found["metrics"] == [
        {"what": "bits_per_byte", "first": 2.5, "second": 2.75},
        {"what": "perplexity", "first": 20.0, "second": None},
    ]
    printed = " ".join(ask("runs", "compare", FIRST, REFUSED).out.split())
    assert "outcome pushed refused" in printed
    assert "trainer.steps 20 30" in printed
    assert "bits_per_byte 2.5 2.75" in printed
    assert "Code: the same" in printed
    assert "Samples: none kept" in printed
    assert "why - absolute bound: bits_per_byte 2.7500 is above" in printed


def test_artifacts_are_listed_by_type_with_their_sizes(ask: Any, past: Any) -> None:
    models = ask("artifacts", "list", "--type", "Model", "--json").json
    assert [model["id"] for model in models] == sorted((m["id"] for m in models), reverse=True)
    assert {model["type"] for model in models} == {"Model"}
    assert all(model["bytes"] > 20 for model in models)
    everything = ask("artifacts", "list", "--json").json
    assert len(everything) == 8
    gone = next(each for each in everything if each["type"] == "ModelBlessing")
    assert gone["bytes"] is None  # nothing of that name is on the disk
    assert str(past.model["model"]) in ask("artifacts", "list").out.split()


def test_what_was_not_pushed_is_not_listed_as_if_it_were(ask: Any, past: Any) -> None:
    refused, pushed = ask("artifacts", "list", "--type", "PushedModel", "--json").json
    assert (refused["properties"]["pushed"], refused["bytes"]) == (0, None)
    card = Path(past.version, "assets.extra", "gptfx.json")
    assert pushed["bytes"] == card.stat().st_size  # of the version; the artifact's own is empty
    printed = ask("artifacts", "list", "--type", "PushedModel").out.splitlines()[1:]
    assert [" not pushed " in line for line in printed] == [True, False]
    assert printed[1].split()[-1] == past.version
    tree = ask("lineage", str(refused["id"])).out.splitlines()
    assert f"PushedModel {refused['id']} (not pushed) by pusher" in tree[1]


def test_an_artifact_says_who_made_it_and_who_took_it(ask: Any, past: Any) -> None:
    shown = ask("artifacts", "show", str(past.model["model"]), "--json").json
    assert shown["made_by"] == [f"trainer in run {FIRST}", f"trainer in run {CACHED} (cached)"]
    assert shown["taken_by"][:2] == [f"evaluator in run {FIRST}", f"pusher in run {FIRST}"]
    assert shown["inside"]["model_id"] == "0123456789abcdef"


@pytest.mark.parametrize("name", ["1700000007", "latest", FIRST, "0123456789abcdef", "012345"])
def test_lineage_goes_from_whatever_names_the_model_to_its_files(
    ask: Any, past: Any, name: str
) -> None:
    found = ask("lineage", name, "--json").json
    by_type = {made["type"]: made for made in found["up"]}
    assert by_type["Model"]["artifact"] == past.model["model"]
    assert by_type["Model"]["run_id"] == FIRST
    (text,) = found["texts"][str(past.examples["examples"])]
    assert text == {"source": "texts/fox.txt", "bytes": 20, "identity": "sha256:" + "f0" * 32}
    assert {made["type"] for made in found["down"]} == {"Model", "ModelBlessing", "PushedModel"}
    assert {made["run_id"] for made in found["down"]} == {FIRST}
    (run,) = found["runs"]
    assert run.pop("started").startswith("20")
    assert run == {
        "run_id": FIRST, "gptfx_version": "0.1.0", "revision": "abcdef1234567890+",
        "user": "ann", "host": "here",
    }  # fmt: skip


def test_lineage_as_a_tree(ask: Any, past: Any) -> None:
    lines = ask("lineage").out.splitlines()
    assert lines[:5] == [
        "Made from",
        f"└── PushedModel {past.pushed['pushed_model']}, version 1700000007 by pusher, run {FIRST}",
        f"    ├── Model {past.model['model']} by trainer, run {FIRST}",
        f"    │   └── Examples {past.examples['examples']} by ingest, run {FIRST}",
        f"    │       └── texts/fox.txt  20 bytes  sha256:{'f0' * 32}",
    ]
    assert f"        └── Model {past.model['model']} (see above)" in lines
    code = lines.index("With the code of")
    assert lines[code + 1] == (
        f"└── run {FIRST}: gptfx 0.1.0, revision abcdef1234567890, and files that differ from it;"
        " run by ann on here"
    )
    assert lines[code + 2] == "Made from the same texts"


def test_lineage_as_mermaid(ask: Any, past: Any) -> None:
    lines = ask("lineage", "--format", "mermaid").out.splitlines()
    examples, model = past.examples["examples"], past.model["model"]
    assert lines[0] == "flowchart TD"
    assert f'  t{examples}_0[/"texts/fox.txt sha256:f0f0f0f0f0f0"/] --> a{examples}' in lines
    assert f"  a{examples} --> a{model}" in lines
    assert f'  a{model}["Model {model}<br/>trainer"]' in lines
    assert lines[-2].startswith(f'  code["run {FIRST}: gptfx 0.1.0, revision abcdef1234567890')


def test_lineage_as_a_picture(ask: Any, past: Any) -> None:
    picture = ElementTree.fromstring(ask("lineage", "--format", "svg", "--all").out)
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    words = {"".join(element.itertext()).strip() for element in picture.iter() if element.text}
    pushed = f"PushedModel {past.pushed['pushed_model']}, version 1700000007"
    assert {f"Model {past.model['model']}", "trainer", "texts/fox.txt", pushed} <= words
    assert "an artifact, and the node that made it" in words
    assert any("revision abcdef1234567890" in word for word in words)


def test_what_is_not_there_is_said(gptfx: Any, past: Any) -> None:
    for words, why in (
        (("lineage", "999"), "no such artifact. Received: '999'"),
        (("lineage", "deadbeef"), "no such artifact. Received: 'deadbeef'"),
        (("lineage", FAILED), "the run made no model"),
        (("artifacts", "show", "nothing"), "no such artifact"),
        (("artifacts", "list", "--type", "Poem"), "no artifacts. Received: 'Poem'"),
    ):
        said = gptfx(*words, "--root", str(past.root))
        assert said.code == 2, words
        assert why in said.err
        assert len(said.err.splitlines()) == 1


def test_an_artifact_that_is_elsewhere_is_shown_without_a_look_inside(ask: Any, past: Any) -> None:
    shown = ask("artifacts", "show", str(past.blessing["blessing"]), "--json").json
    assert shown["properties"] == {"blessed": 1}
    assert shown["inside"]["inside"].endswith("is not there, or not on this machine")
    assert ask("artifacts", "show", "latest", "--no-inside", "--json").json["inside"] is None


def test_a_damaged_artifact_is_said(gptfx: Any, past: Any) -> None:
    model = past.root / "pipelines/gptfx-smoke/trainer/model/5/Format-Serving/assets.extra"
    card = (model / "gptfx.json").read_text()
    (model / "gptfx.json").write_text("{")
    said = gptfx("artifacts", "show", REFUSED, "--root", str(past.root))
    (model / "gptfx.json").write_text(card)
    assert said.code == 2
    assert "is damaged: ValueError: " in said.err


def test_none_of_this_takes_tensorflow(past: Any) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from gptfx.pipeline.cli.main import main\n"
        "code = main()\n"
        "print(sorted({'tensorflow', 'tfx', 'apache_beam'} & set(sys.modules)), file=sys.stderr)"
    )
    for words in (("runs", "list"), ("runs", "show"), ("lineage",), ("artifacts", "list"),
                  ("runs", "compare", FIRST), ("artifacts", "show", FIRST)):  # fmt: skip
        command = [sys.executable, "-c", code, *words, "--root", str(past.root)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stderr == "[]\n", words


def test_the_guide_says_every_key(ask: Any) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "operating.md").read_text()
    documented = set(re.findall(r"`([a-z_]+)`", guide.partition("## JSON")[2]))
    (artifact, *_) = ask("artifacts", "list", "--json").json
    shown, lineage = ask("artifacts", "show", "--json").json, ask("lineage", "--json").json
    assert shown.keys() - {"inside"} > artifact.keys()
    run, compared = ask("runs", "show", "--json").json, ask("runs", "compare", FIRST, "--json").json
    for found in (artifact, shown, run, *run["node_runs"], compared, *compared["metrics"], lineage,
                  *lineage["runs"]):  # fmt: skip
        assert found.keys() <= documented
    assert lineage["up"][0].keys() - {"artifact"} <= documented


def test_json_is_one_line(ask: Any) -> None:
    for words in (("runs", "list"), ("runs", "show"), ("lineage",), ("artifacts", "list")):
        said = ask(*words, "--json").out
        assert said.count("\n") == 1
        json.loads(said)
