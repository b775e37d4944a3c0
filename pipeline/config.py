"""The whole configuration of a run: typed, checked before anything runs, made from presets."""

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from gptfx.data.catalogue import CATALOGUE, RegisteredCorpus
from gptfx.data.errors import InputError
from gptfx.data.passages import MAX_PASSAGE_BYTES, MIN_PASSAGE_BYTES
from gptfx.kubeflow.settings import KubeflowConfig
from gptfx.modules.config import (
    BigramConfig,
    GenerationConfig,
    ModelConfig,
    Section,
    TokenizerConfig,
    TrainerConfig,
    TunerConfig,
)
from gptfx.pipeline.beam import BeamConfig
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.stores import StoreAddress

PRESETS = Path(__file__).parent / "presets"
SHAPES = {  # what pydantic says in Python's words
    "tuple_type": "give a list: [a, b]",
    "dict_type": "give a mapping: {key: value}",
    "model_type": "give a section: {key: value}",
}
NAME_PATTERN = r"^[a-z0-9][a-z0-9-]{0,60}$"


class Registered(Section):
    """A corpus of one's own, checked before every run.

    Attributes:
      uri: a file, folder or pattern with spans, here or at ``gs://`` or ``s3://``; or the
        ``https://`` address of a file, which is fetched once.
      sha256: of the files as they are stored, in order of their names: ``cat FILES | sha256sum``.
      licence: under which the text may be learned from.
      title: what it is.
    """

    uri: str = Field(min_length=1)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    licence: str = Field(min_length=1)
    title: str = ""


class DataConfig(Section):
    """What is learned from.

    Attributes:
      corpora: names of the catalogue or of `registered`, or paths of files or folders, or patterns
        with spans (``logs/{SPAN}``).
      latest_spans: how many spans of a corpus with spans count, the latest; null for all.
      weights: by corpus, how much oftener (2) or seldomer (0.5) than its size would have it the
        trainer draws from it; the tokenizer, the bigram and the evaluation see each text once.
      registered: corpora of one's own by name.
      eval_fraction: share of each file, from its end, that is kept for evaluation.
      passage_bytes: the longest passage, the unit that is tokenized and evaluated.
      max_invalid_fraction: the largest share of bytes that are not valid UTF-8.
    """

    corpora: tuple[str, ...] = Field(("shakespeare", "unicode"), min_length=1)
    latest_spans: int | None = Field(None, ge=1)
    weights: dict[str, Annotated[float, Field(gt=0.0)]] = {}
    registered: dict[Annotated[str, Field(pattern=NAME_PATTERN)], Registered] = {}
    eval_fraction: float = Field(0.1, ge=0.001, le=0.9)
    passage_bytes: int = Field(2048, ge=MIN_PASSAGE_BYTES, le=MAX_PASSAGE_BYTES)
    max_invalid_fraction: float = Field(0.001, ge=0.0, le=1.0)

    @property
    def own_corpora(self) -> dict[str, RegisteredCorpus]:
        """`registered`, as the data room knows them."""
        return {
            name: RegisteredCorpus(name, **corpus.model_dump())
            for name, corpus in self.registered.items()
        }

    @model_validator(mode="after")
    def _own_names(self) -> "DataConfig":
        if taken := sorted(set(self.registered) & set(CATALOGUE)):
            raise ValueError(f"{taken[0]} is a name of the catalogue: register another name")
        return self


class EvaluatorConfig(Section):
    """The gate: bounds on `bits_per_byte` over the whole eval split.

    Attributes:
      max_bits_per_byte: at most this; mandatory.
      min_gain_over_bigram: lower than the bigram's by at least this; null for no comparison.
      tolerance: higher than the last blessed model's by at most this; null for no comparison.
      slice_max_bits_per_byte: bounds for single sources, by ``CORPUS/FILE``.
    """

    max_bits_per_byte: float = Field(gt=0.0)
    min_gain_over_bigram: float | None = Field(0.1, ge=0.0)
    tolerance: float | None = Field(0.02, ge=0.0)
    slice_max_bits_per_byte: dict[str, float] = {}


class InfraValidatorConfig(Section):
    """Whether a model answers in a process of its own, as it would where it is served.

    Attributes:
      enabled: whether it is asked; a model that does not answer is not pushed.
      timeout_seconds: how long loading it and all requests may take.
    """

    enabled: bool = True
    timeout_seconds: int = Field(300, ge=1)


class ModelCardConfig(Section):
    """What is asked of a model for its card, by the settings of its export.

    Attributes:
      prompts: what samples begin with, the empty one with the document separator; one from the eval
        split comes beside them.
      memorisation_windows: so many windows of 50 tokens that it says are looked for in the text
        that it learned from.
    """

    prompts: tuple[str, ...] = ("", "KING")
    memorisation_windows: int = Field(1000, ge=1, le=100_000)


class BulkScorerConfig(Section):
    """How well the model predicts other texts, of any size; on Beam, once the gate blessed it.

    Attributes:
      corpora: as `data.corpora`; none: nothing is scored.
    """

    corpora: tuple[str, ...] = ()


class MetadataConfig(Section):
    """Where ML Metadata is kept.

    Attributes:
      store: ``postgresql://USER@HOST/DATABASE``, ``mysql://USER@HOST/DATABASE``, ``grpc://HOST``,
        or the path of a sqlite file; null for the one in the root.
    """

    store: str | None = None

    @field_validator("store")
    @classmethod
    def _is_address(cls, store: str | None) -> str | None:
        return None if store is None else str(StoreAddress.parse(store))

    def address(self, layout: Layout) -> StoreAddress:
        """The store of a run in a root."""
        if self.store is None:
            return StoreAddress.of_file(layout.metadata)
        return StoreAddress.parse(self.store)


class Config(Section):
    """A run, from text to pushed model. `preset` names the family of runs that are compared."""

    preset: str = Field(pattern=NAME_PATTERN)
    data: DataConfig = DataConfig()
    tokenizer: TokenizerConfig = TokenizerConfig()
    model: ModelConfig = ModelConfig()
    trainer: TrainerConfig = TrainerConfig()
    tuner: TunerConfig = TunerConfig()
    bigram: BigramConfig = BigramConfig()
    evaluator: EvaluatorConfig
    infra_validator: InfraValidatorConfig = InfraValidatorConfig()
    model_card: ModelCardConfig = ModelCardConfig()
    bulk_scorer: BulkScorerConfig = BulkScorerConfig()
    generation: GenerationConfig = GenerationConfig()
    beam: BeamConfig = BeamConfig()
    metadata: MetadataConfig = MetadataConfig()
    kubeflow: KubeflowConfig = KubeflowConfig()

    @field_validator("tuner")
    @classmethod
    def _tuner_fits(cls, tuner: TunerConfig, others: ValidationInfo) -> TunerConfig:
        if {"model", "trainer"} <= set(others.data):  # else what is wrong with these is said
            return tuner.around(others.data["model"], others.data["trainer"])
        return tuner

    @model_validator(mode="after")
    def _weights_are_for_training(self) -> "Config":
        if self.data.weights and self.model.kind == "bigram":
            raise InputError(
                "the bigram counts every text once",
                f"model.kind = bigram, data.weights = {self.data.weights}",
                "leave out data.weights, or learn a GPT",
            )
        return self

    @model_validator(mode="after")
    def _counts_are_not_rounded(self) -> "Config":
        if self.generation.weights != "float32" and self.model.kind == "bigram":
            raise InputError(
                "the bigram's figures are not rounded",
                f"model.kind = bigram, generation.weights = {self.generation.weights}",
                "leave out generation.weights, or learn a GPT",
            )
        return self

    @model_validator(mode="after")
    def _only_what_turns_slides(self) -> "Config":
        learned = self.model.kind != "bigram" and self.model.positions == "learned"
        if learned and self.generation.beyond_block_size == "slide":
            raise InputError(
                "learned positions end with the block",
                "model.positions = learned, generation.beyond_block_size = slide",
                "set model.positions=rotary, or leave out generation.beyond_block_size",
            )
        return self

    @property
    def pipeline_name(self) -> str:
        """The pipeline's in ML Metadata and on a cluster."""
        return f"gptfx-{self.preset}"

    @property
    def texts_to_score(self) -> DataConfig | None:
        """What `bulk_scorer` reads, in the way of `data`; None where nothing is scored."""
        if not self.bulk_scorer.corpora:
            return None
        return self.data.model_copy(update={"corpora": self.bulk_scorer.corpora, "weights": {}})

    @property
    def compares_with_bigram(self) -> bool:
        """Whether a bigram model is trained as the baseline."""
        return self.model.kind != "bigram" and self.evaluator.min_gain_over_bigram is not None


def preset_names() -> list[str]:
    """The presets that ship."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def load_config(
    preset: str, overrides: list[str] | None = None, corpora: list[str] | None = None
) -> Config:
    """The configuration of a preset or YAML file, with changes.

    Args:
      preset: a name that ships, or the path of a YAML file of the same form.
      overrides: ``section.key=value`` each, the value in YAML.
      corpora: names or paths that replace `data.corpora`.

    Raises:
      InputError: with the key, what was received and what is allowed.
    """
    content = _read(preset)
    for override in overrides or []:
        _set(content, override)
    if corpora:
        content.setdefault("data", {})["corpora"] = list(corpora)
    return checked(content)


def checked(content: dict[str, Any]) -> Config:
    """The configuration of plain values. Raises InputError, as `load_config` does."""
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise explain(error) from None


def _read(preset: str) -> dict[str, Any]:
    path = PRESETS / f"{preset}.yaml" if preset in preset_names() else Path(preset)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        names = ", ".join(preset_names())
        remedy = f"name one of {names}, or the path of a YAML file"
        raise InputError("no such preset", preset, remedy) from None
    except yaml.YAMLError as error:
        raise InputError("the configuration is not YAML", f"{path}: {error}", "mend it") from None
    if not isinstance(content, dict):
        raise InputError("the configuration is not a mapping", str(path), "write section: values")
    return {"preset": path.stem, **content}


def _set(content: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise InputError("not a setting", override, "write --set section.key=value")
    *sections, last = key.strip().split(".")
    for section in sections:
        content = content.setdefault(section, {})
        if not isinstance(content, dict):
            raise InputError("no such key", key, f"{section} is a value, not a section")
    try:
        content[last] = yaml.safe_load(text)
    except yaml.YAMLError:
        raise InputError("the value is not YAML", override, "quote it") from None


def explain(error: ValidationError) -> InputError:
    """The first of pydantic's complaints as one line of ours; a misspelt key comes first."""
    errors = error.errors()
    first = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return InputError(f"unknown key {key}", first["input"], f"use one of {_keys(first['loc'])}")
    if first["type"] == "missing" and isinstance(first["loc"][-1], int):
        remedy = f"give at least {first['loc'][-1] + 1} values: [a, b]"
        return InputError(f"{key.rpartition('.')[0]} is too short", first["input"], remedy)
    if first["type"] == "missing":
        return InputError(f"{key} is missing", None, f"set {key}")
    if isinstance(said := first.get("ctx", {}).get("error"), InputError):
        return said  # how two sections go together
    message = first["msg"].removeprefix("Value error, ")
    remedy = SHAPES.get(first["type"], message[:1].lower() + message[1:])
    return InputError(f"{key} has an impossible value", first["input"], remedy)


def _keys(location: tuple[int | str, ...]) -> str:
    section: Any = Config
    for part in location[:-1]:
        if hasattr(section, "model_fields"):
            section = section.model_fields[str(part)].annotation
        else:  # a mapping of sections by a name of the user's
            section = section.__args__[1]
    return ", ".join(section.model_fields)
