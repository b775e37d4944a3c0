"""Our artifact types survive ML Metadata, and Kubeflow's entrypoint finds them by name."""

import importlib
import re
from pathlib import Path

import pytest
from ml_metadata.metadata_store import metadata_store
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.types import Artifact, artifact_utils

from gptfx.components.artifacts import DataReport, ModelCard, TextScores, Tokenizer

TYPES = [DataReport, ModelCard, TextScores, Tokenizer]


@pytest.mark.parametrize("artifact_type", TYPES)
def test_a_type_name_has_one_dot_and_is_an_attribute_of_the_root_package(
    artifact_type: type[Artifact],
) -> None:
    name = artifact_type.TYPE_NAME
    assert re.fullmatch(r"[a-z][a-z0-9-_]{2,20}[.][A-Z][A-Za-z0-9-_]{2,49}", name)
    package, attribute = name.split(".")
    assert getattr(importlib.import_module(package), attribute) is artifact_type


def test_an_unknown_attribute_of_the_root_package_is_an_error() -> None:
    with pytest.raises(AttributeError, match="Detokenizer"):
        importlib.import_module("gptfx").Detokenizer  # noqa: B018


@pytest.mark.parametrize("artifact_type", TYPES)
def test_custom_properties_come_back_from_ml_metadata(
    artifact_type: type[Artifact], tmp_path: Path
) -> None:
    artifact = artifact_type()
    artifact.uri = "file"
    artifact.set_string_custom_property("kind", "bpe")
    artifact.set_int_custom_property("vocab_size", 280)
    config = sqlite_metadata_connection_config(str(tmp_path / "metadata.sqlite"))
    store = metadata_store.MetadataStore(config)
    artifact.type_id = store.put_artifact_type(artifact.artifact_type)
    (identifier,) = store.put_artifacts([artifact.mlmd_artifact])

    store = metadata_store.MetadataStore(config)
    (stored,) = store.get_artifacts_by_id([identifier])
    (stored_type,) = store.get_artifact_types_by_id([stored.type_id])
    again = artifact_utils.deserialize_artifact(stored_type, stored)
    assert again.type_name == artifact_type.TYPE_NAME
    assert again.get_string_custom_property("kind") == "bpe"
    assert again.get_int_custom_property("vocab_size") == 280
