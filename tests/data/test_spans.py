"""Patterns with spans: what they name, what counts, and what they refuse."""

from pathlib import Path

import pytest

from gptfx.data.corpora import TextCorpus, locate, resolve
from gptfx.data.errors import InputError
from gptfx.data.spans import is_pattern


def write(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text of {name}\n")
    return folder


def named(folder: Path, pattern: str, latest_spans: int | None = None) -> list[str]:
    return [file.source for file in located(folder, pattern, latest_spans).files]


def located(folder: Path, pattern: str, latest_spans: int | None = None) -> TextCorpus:
    return locate("logs", f"{folder}/{pattern}", latest_spans)


def test_a_span_is_a_folder_or_a_file_with_a_number_and_what_lies_below_it_counts(
    tmp_path: Path,
) -> None:
    write(tmp_path, "1/a.txt", "2/deep/b.txt", "10/c.txt", "new/d.txt", "3", "1b/e.txt", ".4/f")
    assert named(tmp_path, "{SPAN}") == [
        "logs/1/a.txt",
        "logs/10/c.txt",
        "logs/2/deep/b.txt",
        "logs/3",
    ]
    assert located(tmp_path, "{SPAN}").spans == (1, 2, 3, 10)


def test_the_latest_spans_are_the_greatest_numbers_not_the_last_names(tmp_path: Path) -> None:
    write(tmp_path, "1/a.txt", "2/b.txt", "10/c.txt", "9/d.txt", "9/e.txt")
    assert named(tmp_path, "{SPAN}", 1) == ["logs/10/c.txt"]
    assert named(tmp_path, "{SPAN}", 2) == ["logs/10/c.txt", "logs/9/d.txt", "logs/9/e.txt"]
    assert located(tmp_path, "{SPAN}", 99).spans == (1, 2, 9, 10)


def test_a_pattern_says_more_than_the_span(tmp_path: Path) -> None:
    write(
        tmp_path,
        "span-1/train/a.txt",
        "span-1/train/a.md",
        "span-1/test/b.txt",
        "span-x/train/c.txt",
    )
    assert named(tmp_path, "span-{SPAN}/train/*.txt") == ["logs/span-1/train/a.txt"]
    assert named(tmp_path, "span-{SPAN}/t?st") == ["logs/span-1/test/b.txt"]


def test_a_width_tells_three_digits_from_four(tmp_path: Path) -> None:
    write(tmp_path, "001.txt", "0002.txt")
    assert named(tmp_path, "{SPAN:3}.txt") == ["logs/001.txt"]


def test_a_date_is_a_span_and_what_is_no_date_is_none(tmp_path: Path) -> None:
    write(tmp_path, "1970-01-02/a.txt", "2026-02-29/b.txt", "2026-13-01/c.txt")
    corpus = located(tmp_path, "{YYYY}-{MM}-{DD}")
    assert [file.source for file in corpus.files] == ["logs/1970-01-02/a.txt"]
    assert corpus.spans == (1,)


def test_of_each_span_its_last_version_counts(tmp_path: Path) -> None:
    write(tmp_path, "1/v2/a.txt", "1/v10/a.txt", "1/v10/b.txt", "2/v1/c.txt")
    assert named(tmp_path, "{SPAN}/v{VERSION}") == [
        "logs/1/v10/a.txt",
        "logs/1/v10/b.txt",
        "logs/2/v1/c.txt",
    ]


def test_what_an_expression_would_mean_is_meant_literally(tmp_path: Path) -> None:
    write(tmp_path, "a.b+(1)/c.txt", "aXb+(2)/d.txt")
    assert named(tmp_path, "a.b+({SPAN})") == ["logs/a.b+(1)/c.txt"]


@pytest.mark.parametrize(
    "pattern",
    ["{SPAN}/{SPAN}", "{YYYY}/{MM}", "{SPAN}/{YYYY}", "{VERSION}", "{SPAN}/{VERSION}/{VERSION}",
     "{YYYY}-{MM}-{DD}/{SPAN}", "{YYYY}-{MM}-{DD}-{DD}"],
)  # fmt: skip
def test_a_pattern_that_does_not_say_its_span_once_is_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(InputError, match="does not say its span once"):
        located(write(tmp_path, "1/a.txt"), pattern)


def test_a_pattern_that_names_nothing_says_what_is_there(tmp_path: Path) -> None:
    write(tmp_path, "jan/a.txt")
    with pytest.raises(InputError, match=r"1 files in .*such as jan/a\.txt"):
        located(tmp_path, "{SPAN}")
    with pytest.raises(InputError, match="0 files"):
        located(tmp_path / "nowhere", "{SPAN}")


def test_the_corpus_is_named_after_the_folder_before_the_span(tmp_path: Path) -> None:
    write(tmp_path / "Daily Logs", "span-1/a.txt")
    corpus = resolve(f"{tmp_path}/Daily Logs/span-{{SPAN}}", tmp_path)
    assert corpus.name == "daily-logs"
    assert corpus.files[0].source == "daily-logs/span-1/a.txt"


def test_a_relative_pattern_starts_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "logs", "1/a.txt")
    monkeypatch.chdir(tmp_path)
    corpus = resolve("logs/{SPAN}", tmp_path)
    assert corpus.pattern == f"{tmp_path}/logs/{{SPAN}}"
    monkeypatch.chdir(tmp_path / "logs")
    assert resolve("{SPAN}", tmp_path).name == "logs"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/{SPAN}", True),
        ("a/{SPAN:2}", True),
        ("{YYYY}", True),
        ("a/{span}", False),
        ("a/*", False),
    ],
)
def test_what_is_a_pattern(path: str, expected: bool) -> None:
    assert is_pattern(path) is expected
