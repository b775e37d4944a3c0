"""The serving folder is read as TensorFlow Serving reads it, and what is not ours is left alone."""

import time
from pathlib import Path

from gptfx.modules.export.card import CARD_FORMAT, write_card
from gptfx.modules.export.versions import next_number, versions


def push(serving_folder: Path, name: str, card_format: str = CARD_FORMAT) -> Path:
    """A version with an empty graph."""
    folder = serving_folder / name
    write_card(folder, {"format": card_format, "model_id": f"id of {name}"})
    (folder / "saved_model.pb").touch()
    return folder


def test_versions_are_sorted_by_number_and_foreign_folders_passed_over(tmp_path: Path) -> None:
    for name in ("9", "1700000000", "10"):
        push(tmp_path, name)
    push(tmp_path, "11-old")
    push(tmp_path, "latest")
    push(tmp_path, "12", card_format="of another kind")
    (push(tmp_path, "13") / "saved_model.pb").unlink()  # half written
    (tmp_path / "14").mkdir()
    (tmp_path / "15").write_text("a file")
    found = versions(tmp_path)
    assert [version.number for version in found] == [9, 10, 1_700_000_000]
    assert found[0].folder == tmp_path / "9"
    assert found[0].model_id == "id of 9"


def test_a_serving_folder_that_does_not_exist_holds_no_versions(tmp_path: Path) -> None:
    assert versions(tmp_path / "serving") == []


def test_the_next_number_is_the_time_or_one_more_than_the_last(tmp_path: Path) -> None:
    assert abs(next_number([]) - time.time()) < 5
    push(tmp_path, "99999999999")
    assert next_number(versions(tmp_path)) == 100_000_000_000
