"""A corpus that is one file on the web is fetched once, whole and checked, or not there."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from gptfx.data.catalogue import Corpus, RegisteredCorpus, WebFile
from gptfx.data.corpora import resolve
from gptfx.data.errors import InputError
from gptfx.data.fetch import fetch_corpus

TEXT = b"Words, words, words.\n"


class Site(NamedTuple):
    """A server of this machine that knows ``/words.txt``."""

    url: str
    requests: list[str]

    @property
    def corpus(self) -> Corpus:
        source = WebFile(f"{self.url}/words.txt")
        sha256 = hashlib.sha256(TEXT).hexdigest()
        return Corpus("words", "", source, ("words.txt",), len(TEXT), sha256, "public domain")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            if self.path != "/words.txt":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(TEXT)))
            self.end_headers()
            self.wfile.write(TEXT)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Site(f"http://127.0.0.1:{server.server_port}", requests)
        server.shutdown()
        thread.join()


def stored(home: Path) -> list[str]:
    """What lies below ``home/corpora``, hidden files too, the lock file aside."""
    return sorted(path.name for path in home.glob("corpora/*") if path.suffix != ".lock")


def test_it_is_fetched_once_and_then_no_address_is_asked(site: Site, tmp_path: Path) -> None:
    for _ in range(2):
        folder = fetch_corpus(site.corpus, tmp_path)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"words.txt": TEXT}
    assert site.requests == ["/words.txt"]


def test_a_damaged_file_is_fetched_again(site: Site, tmp_path: Path) -> None:
    file = fetch_corpus(site.corpus, tmp_path) / "words.txt"
    file.write_bytes(TEXT[:-2] + b"!\n")
    assert (fetch_corpus(site.corpus, tmp_path) / "words.txt").read_bytes() == TEXT
    assert stored(tmp_path) == ["words"]


def test_progress_counts_the_bytes_and_ends_with_all(site: Site, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    fetch_corpus(site.corpus, tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(TEXT), len(TEXT))


def test_where_the_size_is_not_known_the_server_says_it(site: Site, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    corpus = replace(site.corpus, bytes=None)
    fetch_corpus(corpus, tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(TEXT), len(TEXT))


def test_other_bytes_than_the_catalogued_are_refused(site: Site, tmp_path: Path) -> None:
    other = replace(site.corpus, sha256="0" * 64)
    with pytest.raises(InputError, match=r"not the corpus words \(sha256 0{64}\).*words\.txt: 21"):
        fetch_corpus(other, tmp_path)
    assert stored(tmp_path) == []


def test_a_file_larger_than_catalogued_is_not_read_to_its_end(site: Site, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"too large.*20"):
        fetch_corpus(replace(site.corpus, bytes=len(TEXT) - 1), tmp_path)
    assert stored(tmp_path) == []


def test_an_address_without_the_file_is_named_with_the_ways_out(site: Site, tmp_path: Path) -> None:
    lost = replace(site.corpus, source=WebFile(f"{site.url}/lost.txt"))
    with pytest.raises(InputError, match=r"404.*lost\.txt.*`gptfx data fetch words --from FILE`"):
        fetch_corpus(lost, tmp_path)
    assert stored(tmp_path) == []


def test_a_server_that_is_not_there_is_named_with_the_ways_out(site: Site, tmp_path: Path) -> None:
    away = replace(site.corpus, source=WebFile("http://127.0.0.1:1/words.txt"))
    with pytest.raises(InputError, match=r"could not be fetched.*127\.0\.0\.1:1/.*--from FILE"):
        fetch_corpus(away, tmp_path)
    assert stored(tmp_path) == []


def test_a_copy_at_hand_stands_in_for_the_address(site: Site, tmp_path: Path) -> None:
    at_hand = tmp_path / "saved under another name"
    at_hand.write_bytes(TEXT)
    folder = fetch_corpus(site.corpus, tmp_path, archive=at_hand)
    assert (folder / "words.txt").read_bytes() == TEXT
    assert at_hand.exists()
    assert not site.requests


@pytest.mark.parametrize(
    ("content", "problem"), [(b"swords", "not the corpus"), (None, "is not a file")]
)
def test_a_wrong_or_missing_copy_is_refused_by_name(
    site: Site, tmp_path: Path, content: bytes | None, problem: str
) -> None:
    if content:
        (tmp_path / "copy.txt").write_bytes(content)
    with pytest.raises(InputError, match=rf"{problem}.*copy\.txt"):
        fetch_corpus(site.corpus, tmp_path, archive=tmp_path / "copy.txt")
    assert stored(tmp_path) == []
    assert not site.requests


def test_a_registered_address_is_a_corpus_and_another_sha256_another_copy(
    site: Site, tmp_path: Path
) -> None:
    corpus = site.corpus
    own = RegisteredCorpus("mine", str(corpus.source), corpus.sha256, "public domain")
    found = resolve("mine", tmp_path, registered={"mine": own})
    assert [(file.source, file.bytes) for file in found.files] == [("mine/words.txt", len(TEXT))]
    with pytest.raises(InputError, match="not the corpus mine"):
        resolve("mine", tmp_path, registered={"mine": replace(own, sha256="0" * 64)})
    assert stored(tmp_path) == [f"mine-{corpus.sha256[:12]}"]
