"""A model that was taken back has a note beside the versions, which are read as before."""

import shutil
from pathlib import Path

from gptfx.modules.export.card import CARD_FORMAT, write_card
from gptfx.modules.export.versions import lay_down, link_or_copy, versions
from gptfx.modules.export.withdrawn import Withdrawal, lift, withdraw, withdrawal_of

NOTE = Withdrawal("model/../1", 3, "ann", "2026-11-27T12:00:00+00:00", "it swears")


def test_a_note_is_found_until_it_is_lifted_and_stays_in_its_folder(tmp_path: Path) -> None:
    serving = tmp_path / "serving"
    withdraw(serving, NOTE)
    assert withdrawal_of(serving, NOTE.model_id) == NOTE
    assert withdrawal_of(serving, "another") is None
    assert [path.parent for path in serving.rglob("*.json")] == [serving / ".withdrawn"]
    assert versions(serving) == []
    lift(serving, NOTE.model_id)
    assert list(serving.iterdir()) == []
    lift(serving, NOTE.model_id)
    assert withdrawal_of(serving, NOTE.model_id) is None


def test_a_damaged_note_still_holds_the_model_back(tmp_path: Path) -> None:
    withdraw(tmp_path, NOTE)
    (path,) = tmp_path.rglob("*.json")
    path.write_text("{")
    assert "cannot be read" in str(withdrawal_of(tmp_path, NOTE.model_id))


def test_a_version_laid_down_by_links_outlives_the_one_it_was_made_from(tmp_path: Path) -> None:
    folder = tmp_path / "1"
    write_card(folder, {"format": CARD_FORMAT, "model_id": "a"})
    (folder / "saved_model.pb").write_bytes(b"graph")
    lay_down(folder, tmp_path / "2", link_or_copy)
    assert (tmp_path / "2/saved_model.pb").samefile(folder / "saved_model.pb")
    shutil.rmtree(folder)
    assert (tmp_path / "2/saved_model.pb").read_bytes() == b"graph"
    assert [version.number for version in versions(tmp_path)] == [2]
