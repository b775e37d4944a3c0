"""The pipeline of `gptfx run` as a cluster runs it: what it may be told, where its texts are."""

from typing import Any

from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.pipeline import Pipeline

from gptfx.data.catalogue import CATALOGUE
from gptfx.data.corpora import name_of
from gptfx.data.errors import InputError
from gptfx.kubeflow.package import Package, make_package
from gptfx.pipeline.config import Config, DataConfig
from gptfx.pipeline.definition import StartedWith, create_components


def compile_package(config: Config) -> Package:
    """The package of a configuration.

    Raises InputError for what a cluster could not run, by name.
    """
    _require_nothing_of_this_machine(config)
    config = _on_promised_gpus(config)
    told = parameters(config)
    others = dict(told)
    serving_folder: Any = others.pop("serving_uri")
    components = create_components(
        config,
        patterns(config.data),
        serving_folder,
        patterns(config.texts_to_score) if config.texts_to_score else None,
        StartedWith(**others, checkpoints_folder=config.kubeflow.checkpoints),
    )
    pipeline = Pipeline(
        pipeline_name=config.pipeline_name,
        pipeline_root=config.kubeflow.pipeline_root,
        components=components,
        enable_cache=True,
        beam_pipeline_args=list(config.beam.pipeline_args),
    )
    return make_package(pipeline, told, config.kubeflow)


def parameters(config: Config) -> dict[str, RuntimeParameter]:
    """What a run may be told, with what it is told if nobody does; a bigram has no steps."""
    defaults: dict[str, Any] = {
        "corpus_uri": config.kubeflow.corpus_uri,
        "max_bits_per_byte": config.evaluator.max_bits_per_byte,
        "serving_uri": config.kubeflow.serving_uri,
    }
    if config.model.kind != "bigram":
        defaults |= {"train_steps": config.trainer.steps, "seed": config.trainer.seed}
    return {
        name: RuntimeParameter(name, type(value), default=value) for name, value in defaults.items()
    }


def patterns(data: DataConfig) -> dict[str, str]:
    """By corpus, where its files are: below `corpus_uri`, or an absolute path or a URI."""
    own = data.own_corpora
    found: dict[str, str] = {}
    for corpus in data.corpora:
        name, pattern = corpus, corpus
        if corpus in own:
            pattern = own[corpus].uri
            if own[corpus].is_on_the_web:
                remedy = f"gptfx data fetch {corpus} --to URI, and name it by its path"
                raise InputError("a cluster does not fetch a corpus", pattern, remedy)
        elif corpus not in CATALOGUE:
            name = name_of(corpus.rstrip("/"))
        if name in found:
            problem = f"two corpora have the name {name}"
            raise InputError(problem, f"{found[name]}, {pattern}", "register one by another name")
        found[name] = pattern
    return found


def _on_promised_gpus(config: Config) -> Config:
    """The Trainer is to fail at its start where it does not see the GPUs of its pool."""
    count = config.kubeflow.trainer.accelerators
    if not count or config.model.kind == "bigram":
        return config
    trainer = config.trainer.model_copy(update={"device": "gpu", "gpus": count})
    return config.model_copy(update={"trainer": trainer})


def _require_nothing_of_this_machine(config: Config) -> None:
    for key, value in (
        ("tokenizer.file", config.tokenizer.file),
        ("trainer.init_from", config.trainer.init_from),
    ):
        if value:
            remedy = "leave it out; pods do not see files of this machine"
            raise InputError(f"{key} names a file of this machine", value, remedy)
