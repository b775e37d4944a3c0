"""``gptfx data list`` and ``fetch``, with corpora of one's own and copies for a cluster."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

TEXT = b"A text of one's own.\n"


@pytest.fixture
def preset(tmp_path: Path) -> str:
    """A configuration in which the corpus `mine` is registered."""
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_bytes(TEXT)
    path = tmp_path / "my.yaml"
    path.write_text(
        f"data:\n  corpora: [mine]\n  registered:\n    mine:\n      uri: {tmp_path}/texts\n"
        f"      sha256: {hashlib.sha256(TEXT).hexdigest()}\n      licence: CC0-1.0\n"
        "      title: A sentence\nevaluator: {max_bits_per_byte: 9}\n"
    )
    return str(path)


def test_a_registered_corpus_is_listed_with_its_licence(gptfx: Any, preset: str) -> None:
    listed = gptfx("data", "list", "--preset", preset).out
    entry = listed.partition("\nmine\n")[2]
    for words in ("A sentence", "CC0-1.0", hashlib.sha256(TEXT).hexdigest()):
        assert words in entry


def test_a_registered_corpus_that_changed_is_refused_before_anything_runs(
    gptfx: Any, preset: str, tmp_path: Path
) -> None:
    assert gptfx("data", "stats", "mine", "--preset", preset, "--json").json["bytes"] == len(TEXT)
    (tmp_path / "texts" / "a.txt").write_bytes(TEXT + TEXT)
    refused = gptfx("run", "--preset", preset, "--root", str(tmp_path / "root"))
    assert refused.code == 2
    assert "mine is not what was registered" in refused.err
    assert not (tmp_path / "root").exists()


def test_a_corpus_is_staged_below_its_name_and_learned_from_there(
    gptfx: Any, preset: str, tmp_path: Path
) -> None:
    there = tmp_path / "cluster"
    staged = gptfx("data", "fetch", "mine", "--preset", preset, "--to", str(there))
    assert staged.out == f"{there}/mine\n"
    assert (there / "mine" / "a.txt").read_bytes() == TEXT
    scene = gptfx("data", "fetch", "scene", "--to", str(there))
    assert gptfx("data", "stats", scene.out.strip(), "--json").json["bytes"] == 19_864


def test_a_place_that_cannot_be_reached_is_one_line(gptfx: Any) -> None:
    refused = gptfx("data", "fetch", "scene", "--to", "nowhere://bucket/texts")
    assert refused.code == 2
    assert "nowhere://" in refused.err
    assert refused.err.count("\n") == 1


def test_a_copy_that_is_not_tinyshakespeare_is_refused(gptfx: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "input.txt"
    wrong.write_bytes(TEXT)
    environment = {"GPTFX_HOME": str(tmp_path / "home")}
    refused = gptfx("data", "fetch", "tinyshakespeare", "--from", str(wrong), **environment)
    assert refused.code == 2
    for words in ("86c4e6aa", hashlib.sha256(TEXT).hexdigest(), "21 bytes"):
        assert words in refused.err
    assert not list((tmp_path / "home").rglob("input.txt"))
