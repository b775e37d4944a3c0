"""Configuration: presets load, changes are checked, and every refusal says what is allowed."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from gptfx.data.errors import InputError
from gptfx.pipeline.config import Config, load_config, preset_names


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_that_ships_loads_under_its_own_name(name: str) -> None:
    assert load_config(name).preset == name


def test_the_presets_of_the_readme_are_there() -> None:
    assert {"default", "smoke", "bigram"} <= set(preset_names())


def test_default_learns_from_shakespeare_and_unicode_and_smoke_needs_no_network() -> None:
    assert load_config("default").data.corpora == ("shakespeare", "unicode")
    assert load_config("smoke").data.corpora == ("scene", "unicode")


def test_the_bigram_preset_is_judged_by_the_absolute_bound_alone() -> None:
    config = load_config("bigram")
    assert config.evaluator.min_gain_over_bigram is None
    assert config.evaluator.tolerance is None
    assert not config.compares_with_bigram


def test_set_changes_one_value_and_leaves_its_neighbours() -> None:
    config = load_config("smoke", ["trainer.steps=7", "evaluator.tolerance=null"])
    assert config.trainer.steps == 7
    assert config.evaluator.tolerance is None
    assert config.trainer.batch_size == load_config("smoke").trainer.batch_size


def test_corpora_replace_those_of_the_preset() -> None:
    assert load_config("smoke", corpora=["a.txt", "b"]).data.corpora == ("a.txt", "b")


def test_a_yaml_file_stands_in_for_a_preset_and_names_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("evaluator: {max_bits_per_byte: 3}\ntrainer: {steps: 5}\n")
    config = load_config(str(path))
    assert (config.preset, config.trainer.steps) == ("mine", 5)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("trainer.stepz=3", ["unknown key trainer.stepz", "3", "learning_rate"]),
        ("trainerr.steps=3", ["unknown key trainerr", "trainer"]),
        ("trainer.steps=-1", ["trainer.steps", "-1", "greater than or equal to 0"]),
        ("trainer.steps=many", ["trainer.steps", "many", "integer"]),
        ("trainer=3", ["trainer", "3"]),
        ("trainer.steps.x=3", ["trainer.steps", "x"]),
        ("model.n_head=3", ["n_embd must be a multiple of n_head"]),
        ("tokenizer.kind=word", ["tokenizer.kind", "word", "bpe"]),
        ("evaluator.max_bits_per_byte=.inf", ["finite"]),
        ("evaluator.max_bits_per_byte=null", ["evaluator.max_bits_per_byte"]),
        ("data.corpora=[]", ["data.corpora"]),
        ("preset=No Name!", ["preset", "No Name!"]),
        ("data.latest_spans=0", ["data.latest_spans", "greater than or equal to 1"]),
        ("data.weights.scene=0", ["data.weights.scene", "greater than 0"]),
        ("data.registered.scene={uri: a, sha256: x, licence: y}", ["sha256", "'x'"]),
        (
            f"data.registered.scene={{uri: a, sha256: {'a' * 64}, licence: CC0}}",
            ["scene is a name of the catalogue"],
        ),
        ("data.registered.mine={uri: a, licence: CC0}", ["data.registered.mine.sha256 is missing"]),
        ("data.registered.mine.licens=CC0", ["unknown key", "licens", "uri, sha256, licence"]),
        ("infra_validator.timeout_seconds=0", ["infra_validator.timeout_seconds", "than or equal"]),
        ("tuner.trials=0", ["tuner.trials", "greater than or equal to 1"]),
        ("tuner.seed=0", ["tuner.seed", "greater than or equal to 1"]),
        ("tuner.learning_rate=[0.1, 0.01]", ["tuner.learning_rate", "lowest first: [0.01, 0.1]"]),
        ("tuner.learning_rate=[0.01]", ["tuner.learning_rate is too short", "at least 2 values"]),
        ("tuner.learning_rate=[0, 0.01]", ["tuner.learning_rate.0", "greater than 0"]),
        ("tuner.n_embd=[]", ["tuner.n_embd"]),
        ("tuner.n_layer=[0]", ["tuner.n_layer.0", "greater than or equal to 1"]),
        ("steps", ["not a setting", "section.key=value"]),
        ("=3", ["not a setting"]),
        ("trainer.steps=[", ["not YAML"]),
    ],
)
def test_a_bad_setting_is_refused_by_name(override: str, said: list[str]) -> None:
    with pytest.raises(InputError) as refusal:
        load_config("smoke", [override])
    line = str(refusal.value)
    assert "\n" not in line
    for words in said:
        assert words in line


@pytest.mark.parametrize(
    ("preset", "overrides", "said"),
    [
        ("smoke", ["tuner.n_embd=[64, 66]"], "n_embd must be a multiple of n_head (n_embd=66, n_"),
        (
            "smoke",
            ["tuner.n_embd=[12]", "model.positions=rotary"],
            "(n_embd / n_head = 12 / 4 = 3)",
        ),
        (
            "smoke",
            ["trainer.init_from=GPT2", "tuner.n_layer=[1, 2]"],
            "n_embd=[64] and n_layer=[2]",
        ),
        ("bigram", [], "the bigram is counted and has nothing to tune"),
    ],
)
def test_a_tuner_that_does_not_fit_is_refused_by_name_once_it_is_enabled(
    preset: str, overrides: list[str], said: str
) -> None:
    load_config(preset, overrides)
    with pytest.raises(InputError, match=r"^tuner has an impossible value") as refusal:
        load_config(preset, [*overrides, "tuner.enabled=true"])
    assert said in str(refusal.value)


@pytest.mark.parametrize("preset", [name for name in preset_names() if name != "bigram"])
def test_a_tuner_of_which_nothing_else_is_said_looks_around_what_is_configured(preset: str) -> None:
    config = load_config(preset, ["tuner.enabled=true"])
    low, high = config.tuner.learning_rate
    assert (low * 3, high / 3) == pytest.approx([config.trainer.learning_rate] * 2)
    if config.trainer.init_from is None:
        assert config.tuner.n_embd[1] == config.model.n_embd == config.tuner.n_embd[0] * 2
        assert config.tuner.n_layer[1] == config.model.n_layer == config.tuner.n_layer[0] * 2


def test_for_weights_that_are_there_the_learning_rate_alone_is_tuned() -> None:
    tuner = load_config("smoke", ["trainer.init_from=GPT2", "tuner.enabled=true"]).tuner
    assert (tuner.n_embd, tuner.n_layer) == ((64,), (2,))


def test_the_narrowest_and_shallowest_model_is_tuned_in_whole_heads() -> None:
    narrow = ["model.n_embd=8", "model.n_head=4", "model.n_layer=1", "model.positions=rotary"]
    tuner = load_config("smoke", [*narrow, "tuner.enabled=true"]).tuner
    assert (tuner.n_embd, tuner.n_layer) == ((8,), (1,))


def test_the_absolute_bound_is_mandatory(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("trainer: {steps: 5}\n")
    with pytest.raises(InputError, match="evaluator is missing"):
        load_config(str(path))


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"- 1\n", "not a mapping"), (b"a: [\n", "not YAML"), (b"\xff\xfe", "no such preset")],
)
def test_a_broken_configuration_file_is_one_clear_line(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        load_config(str(path))


def test_a_configuration_cannot_be_changed_after_it_was_checked() -> None:
    config = load_config("smoke")
    with pytest.raises(ValidationError):
        config.trainer.steps = -1  # type: ignore[misc]


def test_configurations_round_trip_through_json() -> None:
    config = load_config("default")
    assert Config.model_validate_json(config.model_dump_json()) == config


def test_weights_are_refused_where_nothing_is_drawn() -> None:
    with pytest.raises(InputError, match=r"the bigram counts every text once"):
        load_config("bigram", ["data.weights.unicode=2"])


def test_only_a_model_that_can_slide_may_be_told_to() -> None:
    slide = "generation.beyond_block_size=slide"
    load_config("smoke", [slide, "model.positions=rotary"])
    with pytest.raises(InputError, match=r"set model\.positions=rotary"):
        load_config("smoke", [slide])


def test_the_figures_of_a_bigram_are_not_rounded() -> None:
    assert load_config("smoke", ["generation.weights=int8"]).generation.weights == "int8"
    with pytest.raises(InputError) as refused:
        load_config("bigram", ["generation.weights=bfloat16"])
    assert str(refused.value) == (
        "the bigram's figures are not rounded. Received: 'model.kind = bigram, generation.weights ="
        " bfloat16'. What to do: leave out generation.weights, or learn a GPT."
    )


def test_what_is_said_by_default_is_within_the_bounds() -> None:
    with pytest.raises(InputError, match="max_new_tokens is above most_new_tokens, which is 100"):
        load_config("smoke", ["generation.max_new_tokens=200", "generation.most_new_tokens=100"])
