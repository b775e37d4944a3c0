"""What a card is told of corpora is what is known of exactly these, and no place of a machine."""

from typing import Any

from gptfx.data.catalogue import CATALOGUE
from gptfx.pipeline.card_input import configuration_of, corpora_of
from gptfx.pipeline.config import load_config

OWN = "{uri: %s, sha256: " + "a" * 64 + ", licence: CC0-1.0, title: Mine}"


def corpora(*settings: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    return corpora_of(load_config("smoke", list(settings)).data, names)


def test_the_catalogue_s_texts_have_the_catalogue_s_words() -> None:
    scene, unicode = corpora(names=("unicode", "scene"))
    assert (scene["name"], unicode["name"]) == ("scene", "unicode")
    assert scene["licence"] == CATALOGUE["scene"].licence
    assert (scene["source"], scene["language"]) == ("ships with gptfx", "en")
    assert scene["sha256"] == CATALOGUE["scene"].sha256


def test_a_folder_that_is_called_like_one_of_them_has_none() -> None:
    assert corpora("data.corpora=[./scene]", names=("scene",)) == [{"name": "scene"}]


def test_a_registered_text_has_its_own_and_its_address_if_others_can_use_it() -> None:
    for uri, source in (("/home/me/x.txt", None), ("gs://b/x", "gs://b/x"), ("https://a/b",) * 2):
        settings = ("data.corpora=[x]", f"data.registered.x={OWN % uri}")
        (found,) = corpora(*settings, names=("x",))
        assert (found["licence"], found["title"]) == ("CC0-1.0", "Mine")
        assert found["source"] == source


def test_the_configuration_has_no_place_of_this_machine() -> None:
    settings = ["tokenizer.file=/home/me/ranks", "data.corpora=[/home/me/a]"]
    told = configuration_of(load_config("smoke", settings))
    assert "/home/me" not in str(told)
    assert told["data"]["passage_bytes"] == 1024
    assert told["tokenizer"]["vocab_size"] == 384
    assert "tuner" not in told
    tuned = configuration_of(load_config("smoke", ["tuner.enabled=true"]))
    assert tuned["tuner"]["seed"] == 42
