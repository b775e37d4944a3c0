"""A card says what is known of a model, for people, hubs and programs; texts in it stay texts."""

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from tfx.types import Artifact, Channel, standard_artifacts

from gptfx.components.artifacts import Tokenizer
from gptfx.components.evaluator.component import GateEvaluator
from gptfx.components.evaluator.eval_config import bounds, eval_config
from gptfx.components.model_card.component import ModelCardWriter
from gptfx.components.model_card.excerpts import excerpts
from gptfx.components.model_card.executor import write
from gptfx.components.model_card.verdict import Force, forced

Artifacts = dict[str, Artifact]
Json = dict[str, Any]
Card = Callable[..., Artifact]
RHYMES = {
    "name": "rhymes",
    "title": "Two rhymes",
    "licence": "CC0-1.0",
    "source": "https://example.org/rhymes",
    "language": "en",
}
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "strong", "ul", "li"),
    *("table", "thead", "tbody", "tr", "th", "td", "code", "pre"),
}
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>\n---\nlicense: mit\n---\n"
    "| a | b |\n|---|---|\n```\n~~~\n# title\n[a](javascript:alert(3)) ![b](http://x/y.png)\n"
    "&lt;b&gt; \\ $x$ <!-- \x00\x1b[31m \ufffd"
)


@pytest.fixture(scope="module")
def judged(
    execute: Callable[..., Artifacts],
    examples: Artifact,
    gpt: Artifacts,
    bigram: Artifacts,
    tmp_path_factory: pytest.TempPathFactory,
) -> Artifacts:
    """What GateEvaluator says of a GPT that hardly learned, beside a bigram; it is refused."""
    models = Channel(type=standard_artifacts.Model)
    config = eval_config(bounds(100.0, -1.0), {}, has_baseline=True)
    node = GateEvaluator(Channel(type=standard_artifacts.Examples), models, config, models)
    inputs = {
        "examples": examples,
        "model": gpt["model"],
        "baseline_model": bigram["model"],
    }
    return execute(node, tmp_path_factory.mktemp("evaluator"), inputs)


@pytest.fixture(scope="module")
def card(
    execute: Callable[..., Artifacts],
    examples: Artifact,
    tokenizer: Artifact,
    judged: Artifacts,
    tmp_path_factory: pytest.TempPathFactory,
) -> Card:
    """Runs ModelCardWriter for what GptTrainer made, with other inputs or parameters."""

    def run(
        trained: Artifacts, prompts: tuple[str, ...] = ("", "KING"), **changes: Any
    ) -> Artifact:
        corpora, windows = changes.pop("corpora", [RHYMES]), changes.pop("windows", 100)
        inputs = {**trained, "examples": examples, "tokenizer": tokenizer, **judged, **changes}
        channels = {name: Channel(type=type(artifact)) for name, artifact in inputs.items()}
        node = ModelCardWriter(
            **channels,
            corpora=corpora,
            config={"data": {"eval_fraction": 0.25}},
            prompts=prompts,
            memorisation_windows=windows,
        )
        return execute(node, tmp_path_factory.mktemp("card"), inputs)["card"]

    return run


@pytest.fixture(scope="module")
def of_gpt(card: Card, gpt: Artifacts) -> Artifact:
    return card(gpt)


@pytest.fixture(scope="module")
def of_bigram(card: Card, bigram: Artifacts) -> Artifact:
    """With every blessing."""
    infra = standard_artifacts.InfraBlessing()
    infra.set_int_custom_property("blessed", 1)
    infra.set_string_custom_property("reason", "")
    infra.set_float_custom_property("first_request_seconds", 0.5)
    blessing = standard_artifacts.ModelBlessing()
    blessing.set_int_custom_property("blessed", 1)
    return card(bigram, blessing=blessing, infra_blessing=infra)


def facts(card: Artifact) -> Json:
    return json.loads(Path(card.uri, "card.json").read_text())


def readme(card: Artifact | Path) -> tuple[Json, str]:
    """Front matter and text."""
    folder = card if isinstance(card, Path) else Path(card.uri)
    nothing, front, body = (folder / "README.md").read_text().split("---\n", 2)
    assert nothing == ""
    return yaml.safe_load(front), body


class Page(HTMLParser):
    """The tags of a page, their attributes, and its text."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed((folder / "card.html").read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attributes]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_program_finds_everything_in_one_file(of_gpt: Artifact, gpt: Artifacts) -> None:
    found = facts(of_gpt)
    assert found["format"] == "gptfx.card/1"
    assert (found["name"], found["kind"]) == ("gptfx-tiny", "gpt")
    assert found["configuration"]["model"]["n_embd"] == 4
    assert found["configuration"]["data"] == {"eval_fraction": 0.25}
    assert found["seeds"] == {"trainer": 1337, "generation": 0}
    assert [point["step"] for point in found["curves"]] == [1, 2]
    noted = gpt["model_run"].get_string_custom_property("processor")
    assert found["training"]["processor"] == noted
    assert of_gpt.get_string_custom_property("model_id") == found["model_id"]
    assert of_gpt.get_int_custom_property("model_blessed") == 0


def test_it_says_how_many_parameters_the_model_has(of_gpt: Artifact, of_bigram: Artifact) -> None:
    """A layer of width 4: attention 60 + 20, feed-forward 80 + 68, three norms of 8."""
    vocab_size = facts(of_gpt)["tokenizer"]["vocab_size"]
    by_hand = (vocab_size + 8) * 4 + 60 + 20 + 80 + 68 + 3 * 8
    assert facts(of_gpt)["parameters"] == by_hand
    assert f", {by_hand:,} parameters." in readme(of_gpt)[1]
    assert facts(of_bigram)["parameters"] == vocab_size**2


def test_it_says_which_code_trained_the_model_and_which_wrote_it(
    card: Card, gpt: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever a later run, which finds the model in the cache, was made with."""
    trained = standard_artifacts.ModelRun()
    trained.uri = gpt["model_run"].uri
    trained.mlmd_artifact.custom_properties.MergeFrom(
        gpt["model_run"].mlmd_artifact.custom_properties
    )
    trained.set_string_custom_property("run_id", "2026-11-01T00:00:00")
    trained.set_string_custom_property("revision", "abcdef+")
    monkeypatch.setenv("GPTFX_REVISION", "012345")
    made = card({**gpt, "model_run": trained}, prompts=())
    training, lineage = (facts(made)[key] for key in ("training", "lineage"))
    assert (training["run_id"], training["revision"]) == ("2026-11-01T00:00:00", "abcdef+")
    assert (lineage["run_id"], lineage["revision"]) == (None, "012345")
    in_words = (
        "Trained in run `2026-11-01T00:00:00`, by code of git revision `abcdef`, and files that"
        " differ from it; this card was written in a run whose id is not known, by code of git"
        " revision `012345`."
    )
    assert in_words in readme(made)[1]
    trained.set_string_custom_property("revision", "012345")
    trained.set_string_custom_property("run_id", "")
    same = card({**gpt, "model_run": trained}, prompts=())
    in_a_run = "Trained, and this card written, in a run whose id is not known, by code of git"
    assert f"{in_a_run} revision `012345`." in readme(same)[1]


def test_metrics_stand_by_slice_beside_the_baseline_s(of_gpt: Artifact) -> None:
    rows = facts(of_gpt)["metrics"]
    slices = ["all", "rhymes", "rhymes/bells.txt", "rhymes/more/grün.txt"]
    assert [row["slice"] for row in rows] == slices
    assert [row["of"] for row in rows] == ["all", "corpus", "source", "source"]
    assert rows[0]["model"]["bits_per_byte"] > rows[0]["baseline"]["bits_per_byte"] > 0.0
    assert rows[0]["model"]["bytes"] == rows[2]["model"]["bytes"] + rows[3]["model"]["bytes"]
    assert rows[1] == {**rows[0], "slice": "rhymes", "of": "corpus"}  # the one corpus is all


def test_a_model_that_was_refused_has_a_card_that_says_why(of_gpt: Artifact) -> None:
    found = facts(of_gpt)
    assert [gate["passed"] for gate in found["gates"]] == [True, False]
    (reason,) = found["refused"]
    assert "better than the bigram" in reason
    assert "Refused" in readme(of_gpt)[1]
    assert reason in Page(Path(of_gpt.uri)).text


def test_a_card_is_written_again_where_somebody_pushes_its_model_by_force(of_gpt: Artifact) -> None:
    pages = {name: Path(of_gpt.uri, name).read_bytes() for name in ("README.md", "card.html")}
    (reason,) = facts(of_gpt)["refused"]
    told = forced(pages, [reason], Force("ann", "2026-11-27T12:00:00+00:00", HOSTILE))
    assert {"not pushed" in text.decode() for text in pages.values()} == {True}
    for name, text in told.items():
        new, old = (each.decode().splitlines() for each in (text, pages[name]))
        begun = next(index for index, line in enumerate(old) if "not pushed" in line)
        assert new[:begun] == old[:begun]
        assert new[begun:] != old[begun:]
        title = next(line for line in old if line.endswith(("# Intended use", "use</h2>")))
        assert new[new.index(title) :] == old[old.index(title) :]
        assert "not pushed" not in text.decode()
    again = forced(told, [reason], Force("bea", "2026-11-28", "why not"))
    assert "ann" not in again["README.md"].decode().partition("## Intended use")[0]
    folder = Path(of_gpt.uri, "forced")
    folder.mkdir()
    for name, text in told.items():
        (folder / name).write_bytes(text)
    page = Page(folder)
    assert page.tags <= Page(Path(of_gpt.uri)).tags | {"ul", "li"}
    shown = HOSTILE.replace("\x00", "␀").replace("\x1b", "␛").replace("\n", "␊")
    assert f"pushed by force by ann, 2026-11-27T12:00:00+00:00: {shown}" in page.text
    assert reason in page.text


def test_a_page_without_a_verdict_is_not_served_with_a_forced_model() -> None:
    assert forced({"README.md": b"# Mine\n"}, ["no"], Force("ann", "now", "why")) == {}


def test_a_blessed_bigram_has_a_card_without_curves(of_bigram: Artifact) -> None:
    found = facts(of_bigram)
    assert (found["blessed"], found["refused"], found["curves"]) == (True, [], [])
    assert found["answers"]["first_request_seconds"] == 0.5
    assert "Every gate blessed it" in readme(of_bigram)[1]
    page = Page(Path(of_bigram.uri))
    assert "a bigram is counted" in page.text
    assert page.tags <= TAGS


def test_samples_are_the_model_s_own_words_and_come_again(
    card: Card, bigram: Artifacts, of_bigram: Artifact
) -> None:
    samples = facts(of_bigram)["samples"]
    assert [set(sample) for sample in samples] == [{"prompt", "seed", "text"}] * 3
    assert [sample["seed"] for sample in samples] == [0, 1, 2]
    assert [sample["prompt"] for sample in samples[:2]] == ["", "KING"]
    first = samples[2]["prompt"]
    assert first  # from the eval split, which begins within the rhyme
    assert first in "When will you pay me? say the bells, the bells of Old Bailey.\n" * 2
    again = facts(card(bigram))
    assert again["samples"] == samples
    assert again["memorisation"] == facts(of_bigram)["memorisation"]


def test_a_prompt_that_a_small_model_cannot_take_is_shortened(card: Card, gpt: Artifacts) -> None:
    """This one sees 8 tokens, and neither 60 of a prompt nor what comes behind its end."""
    samples = facts(card(gpt, prompts=("Ж" * 30,)))["samples"]
    assert samples[0]["prompt"] in {"Ж", "ЖЖ"}


def test_words_that_come_again_and_again_are_found_in_the_training_text(
    of_bigram: Artifact, of_gpt: Artifact
) -> None:
    """Both files are one line that is repeated, so that the eval split is in the train split."""
    found = facts(of_bigram)["memorisation"]
    assert found["window_tokens"] == 50
    assert found["held_out"]["windows"] > 0
    assert found["held_out"]["share"] == 1.0
    assert found["said"]["windows"] == 100
    assert 0.0 <= found["said"]["share"] < 1.0
    short = facts(of_gpt)["memorisation"]["said"]  # its texts end with its context
    assert (short["windows"], short["share"], short["texts"]) == (0, None, 32)
    assert "Not measured" in readme(of_gpt)[1]


def test_a_model_that_does_not_answer_is_not_asked(
    card: Card, gpt: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gptfx.components.model_card.facts.load_speaker", None)
    infra = standard_artifacts.InfraBlessing()
    infra.set_int_custom_property("blessed", 0)
    infra.set_string_custom_property("reason", "no answer within 1 s")
    found = card(gpt, infra_blessing=infra)
    assert facts(found)["refused"][-1] == "infra validation: no answer within 1 s"
    assert (facts(found)["samples"], facts(found)["memorisation"]) == ([], None)
    assert "the model does not answer" in readme(found)[1]


def test_the_front_matter_is_what_a_hub_reads(of_gpt: Artifact) -> None:
    front, _ = readme(of_gpt)
    assert front["license"] == "cc0-1.0"
    assert front["language"] == ["en"]
    assert front["datasets"] == ["rhymes"]
    assert front["pipeline_tag"] == "text-generation"
    assert {"gptfx", "gpt", "tiny"} <= set(front["tags"])
    ((index),) = front["model-index"]
    assert index["name"] == "gptfx-tiny"
    first, second = index["results"]
    assert first["dataset"] == {"name": "all", "type": "all", "split": "eval"}
    assert second["dataset"]["name"] == "rhymes"
    value = facts(of_gpt)["metrics"][0]["model"]["bits_per_byte"]
    metric = {"type": "bits_per_byte", "name": "bits per byte", "value": value}
    assert first["metrics"][0] == metric


@pytest.mark.parametrize(
    ("licences", "expected"),
    [
        (["MIT", "MIT"], {"license": "mit"}),
        (["MIT", "Apache-2.0"], {"license": "other"}),
        (["to be had for the asking"], {"license": "other"}),
        (["MIT", None], {"license": "unknown"}),
    ],
)
def test_the_licence_is_that_of_the_texts_if_they_have_one(
    of_gpt: Artifact, tmp_path: Path, licences: list[str | None], expected: Json
) -> None:
    found = facts(of_gpt)
    found["data"]["corpora"] = [
        {**RHYMES, "name": f"text-{index}", "licence": licence, "files": []}
        for index, licence in enumerate(licences)
    ]
    write(found, tmp_path)
    front, _ = readme(tmp_path)
    assert {key: front[key] for key in expected} == expected
    assert ("license_name" in front) == (front["license"] == "other")


def test_data_have_their_licences_files_and_hashes(
    of_gpt: Artifact, texts: dict[str, bytes]
) -> None:
    data = facts(of_gpt)["data"]
    (corpus,) = data["corpora"]
    assert (corpus["title"], corpus["licence"]) == ("Two rhymes", "CC0-1.0")
    assert {file["source"]: file["bytes"] for file in corpus["files"]} == {
        name: len(content) for name, content in texts.items()
    }
    assert all(file["identity"].startswith("sha256:") for file in corpus["files"])
    learned, judged = data["train"]["bytes"], data["eval"]["bytes"]
    assert learned + judged == sum(map(len, texts.values()))
    assert learned > 2 * judged > 0


def test_other_texts_under_a_known_name_do_not_get_its_licence(
    card: Card, bigram: Artifacts
) -> None:
    made = card(bigram, corpora=[{**RHYMES, "bytes": 7}])
    (corpus,) = facts(made)["data"]["corpora"]
    assert (corpus["name"], corpus["licence"], corpus["title"]) == ("rhymes", None, None)
    assert len(corpus["files"]) == 2
    assert readme(made)[0]["license"] == "unknown"
    assert readme(made)[0]["language"] == ["und"]


def test_the_lineage_names_artifacts_and_no_place_of_this_machine(
    of_gpt: Artifact, examples: Artifact
) -> None:
    lineage = {each["input"]: each for each in facts(of_gpt)["lineage"]["artifacts"]}
    assert set(lineage) == {
        *("blessing", "evaluation", "examples", "model", "model_run", "tokenizer")
    }
    assert lineage["tokenizer"]["type"] == Tokenizer.TYPE_NAME
    assert examples.uri.endswith("/" + lineage["examples"]["name"])
    base = str(Path(examples.uri).parents[1])
    for name in ("card.json", "README.md", "card.html"):
        assert base not in Path(of_gpt.uri, name).read_text()


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(of_gpt: Artifact) -> None:
    page = Page(Path(of_gpt.uri))
    assert "svg" in page.tags
    assert not page.tags & {"script", "link", "img", "iframe", "a", "object", "embed"}
    for name, value in page.attributes:
        assert not name.startswith("on")
        assert name not in {"src", "href"}
        if name == "xlink:href":
            assert value.startswith("#")
    assert "@import" not in page.text
    assert "url(http" not in page.text


def test_the_text_of_the_page_is_that_of_the_readme(of_bigram: Artifact) -> None:
    _, body = readme(of_bigram)
    text = Page(Path(of_bigram.uri)).text
    for line in body.splitlines():
        if line.startswith("## "):
            assert line.removeprefix("## ") in text


def test_what_texts_and_models_say_stays_text(of_gpt: Artifact, tmp_path: Path) -> None:
    found = facts(of_gpt)
    found["curves"] = []
    found["samples"] = [{"prompt": HOSTILE, "seed": 0, "text": HOSTILE}]
    found["refused"] = [HOSTILE, "- an item", "1. a list", "==="]
    found["preset"] = HOSTILE
    (corpus,) = found["data"]["corpora"]
    file = {"source": HOSTILE, "bytes": 1, "identity": HOSTILE}
    told = dict.fromkeys(("name", "title", "licence", "source", "language"), HOSTILE)
    found["data"]["corpora"] = [{**corpus, **told, "files": [file]}]
    for row in found["metrics"]:
        row["slice"] = HOSTILE
    found["gates"][0]["gate"] = HOSTILE
    write(found, tmp_path)
    front, body = readme(tmp_path)
    assert front["license"] == "other"
    assert front["datasets"] == [HOSTILE]
    page = Page(tmp_path)
    assert page.tags <= TAGS
    assert not {name for name, _ in page.attributes} & {"src", "href", "onerror"}
    shown = HOSTILE.replace("\x00", "␀").replace("\x1b", "␛")
    assert shown + shown in page.text  # the sample, whole
    in_a_line = shown.replace("\n", "␊")
    assert page.text.count(in_a_line) == 15
    assert "\x00" not in body
    rows = [line for line in body.splitlines() if line.startswith("|---")]
    assert len(rows) == body.count("\n|---")  # none of them is the sample's, which is fenced
    assert json.loads((tmp_path / "card.json").read_text())["preset"] == HOSTILE


def test_a_hostile_prompt_goes_through_the_node(card: Card, bigram: Artifacts) -> None:
    made = card(bigram, prompts=("`|<b>",))
    assert facts(made)["samples"][0]["prompt"] in "`|<b>"
    assert Page(Path(made.uri)).tags <= TAGS


def test_excerpts_are_spread_over_a_split_and_cut_no_character(
    ingest: Callable[..., Artifact], tmp_path: Path
) -> None:
    """Of 1,000 passages of 64 bytes, 64 a stretch, 2 stretches."""
    numbered = "".join(f"{number:>5}Ж" for number in range(64_000 // 7))
    texts = {"rhymes/long.txt": numbered.encode(), "rhymes/short.txt": b"\xff" * 64}
    examples = ingest(tmp_path, texts, eval_fraction=0.9)
    first, second = excerpts(str(Path(examples.uri, "Split-eval")), most=2)
    assert first in numbered
    assert second in numbered
    assert [len(each.encode()) for each in (first, second)] == pytest.approx([4096] * 2, abs=2)
    assert numbered.index(second) - numbered.index(first) > len(numbered) / 3
