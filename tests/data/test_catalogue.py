"""The catalogue tells the truth about the texts that ship."""

import subprocess
import sys

import pytest

from gptfx.data.archive import sha256_of
from gptfx.data.catalogue import CATALOGUE, Corpus, Shipped
from gptfx.data.fetch import TEXTS

SHIPPED = [corpus for corpus in CATALOGUE.values() if isinstance(corpus.source, Shipped)]


def test_it_knows_two_texts_that_ship_and_two_to_fetch() -> None:
    assert list(CATALOGUE) == ["scene", "shakespeare", "tinyshakespeare", "unicode"]
    assert [corpus.name for corpus in SHIPPED] == ["scene", "unicode"]


@pytest.mark.parametrize("corpus", SHIPPED, ids=lambda corpus: corpus.name)
def test_a_shipped_text_has_the_sha256_and_the_size_the_catalogue_states(
    corpus: Corpus,
) -> None:
    files = [TEXTS / name for name in corpus.files]
    found = (sum(file.stat().st_size for file in files), sha256_of(files))
    assert found == (corpus.bytes, corpus.sha256), "edited? refresh the constants in catalogue.py"


def test_shakespeare_is_42_files_and_says_its_terms() -> None:
    shakespeare = CATALOGUE["shakespeare"]
    assert len(shakespeare.files) == 42
    assert "public domain" in shakespeare.licence
    assert "CC BY 2.5" in shakespeare.licence
    assert str(shakespeare.source) == "source archive of the Python package shakespeare 0.6"


def test_every_entry_says_what_it_is_and_under_which_licence() -> None:
    for name, corpus in CATALOGUE.items():
        assert corpus.name == name
        assert corpus.title
        assert corpus.licence


def test_importing_the_room_imports_no_network_client() -> None:
    program = "import sys, gptfx.data.corpora; sys.exit('unearth' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
