"""The schema as an artifact: an edited one is another."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tfx.types import Artifact

from gptfx.components import fingerprint, schema
from gptfx.components.schema.component import CuratedSchema


def test_the_artifact_holds_the_curated_schema(
    execute: Callable[..., dict[str, Artifact]], tmp_path: Path
) -> None:
    artifact = execute(CuratedSchema(), tmp_path)["schema"]
    assert (Path(artifact.uri) / "schema.pbtxt").read_bytes() == Path(schema.FILE).read_bytes()


def test_an_edited_schema_has_other_parameters_and_so_another_cache_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "components/schema/schema.pbtxt"
    file.parent.mkdir(parents=True)
    monkeypatch.setattr(fingerprint, "ROOMS", tmp_path)
    found = []
    for content in ("feature { name: 'text' }", "feature { name: 'title' }"):
        file.write_text(content)
        found.append(dict(CuratedSchema().exec_properties))
    assert found[0] != found[1]
    assert str(tmp_path) not in str(found)  # where it runs, the file may be elsewhere
