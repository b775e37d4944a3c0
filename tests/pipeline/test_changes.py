"""What a person is told about texts that changed."""

from gptfx.data.identities import InputFile
from gptfx.pipeline.changes import MOST_LINES, compare, shortened

BEFORE = [
    InputFile("a/1.txt", 1000, "x"),
    InputFile("a/2.txt", 5, "y"),
    InputFile("b/3.txt", 7, "z"),
]


def test_each_added_removed_or_changed_file_is_a_line() -> None:
    now = [InputFile("a/0.txt", 1, "w"), InputFile("a/1.txt", 2000, "v"), BEFORE[1]]
    assert compare(BEFORE, now) == [
        "added a/0.txt (1 bytes)",
        "removed b/3.txt",
        "changed a/1.txt (1,000 bytes, now 2,000)",
    ]


def test_the_same_files_are_no_change_in_whatever_order() -> None:
    assert compare(BEFORE, BEFORE[::-1]) == []


def test_a_change_of_the_same_size_is_one() -> None:
    assert compare(BEFORE[:1], [BEFORE[0]._replace(identity="other")]) != []


def test_many_changes_are_shortened_and_counted() -> None:
    lines = [f"added {index}" for index in range(MOST_LINES + 3)]
    assert shortened(lines) == [*lines[:MOST_LINES], "and 3 more"]
    assert shortened(lines[:MOST_LINES]) == lines[:MOST_LINES]
