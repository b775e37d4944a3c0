"""``gptfx data stats``: what a person reads, and the same as JSON."""

import re
from pathlib import Path
from typing import Any


def test_the_screen_says_what_the_json_says(gptfx: Any) -> None:
    screen, figures = (
        gptfx("data", "stats", "scene"),
        gptfx("data", "stats", "scene", "--json").json,
    )
    assert screen.code == 0
    rows = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in screen.out.splitlines())
    assert rows["bytes"] == f"{figures['bytes']:,}" == "19,864"
    assert rows["code points"] == f"{figures['code_points']:,}"
    assert rows["lines"] == f"{figures['lines']:,}"
    assert rows["scripts"].startswith("Latin 73.8%, Common 26.2%")
    assert figures["longest_line_at"] in rows["longest line"]
    assert rows["invalid sequences"] == "0"
    assert rows["repeated passages"] == f"0.0% of {figures['passages']}"
    assert rows["compression ratio"].startswith(f"{figures['compression_ratio']:.2f} ")


def test_what_a_person_should_look_at_is_said(gptfx: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"The same line, again and again.\n" * 200 + b"\xff\n")
    said = gptfx("data", "stats", str(tmp_path / "a.txt")).out
    assert re.search(r"repeated passages +\d\d\.\d% of \d+: .*remove copies", said)
    assert re.search(r"invalid sequences +1: not UTF-8", said)


def test_a_missing_path_and_a_binary_file_are_one_line_and_exit_2(
    gptfx: Any, tmp_path: Path
) -> None:
    (tmp_path / "a.bin").write_bytes(b"\x7fELF\0")
    for path, words in ((tmp_path / "nowhere", "nor an existing path"), (tmp_path, "binary data")):
        refused = gptfx("data", "stats", str(path))
        assert refused.code == 2
        assert words in refused.err
        assert refused.err.count("\n") == 1
