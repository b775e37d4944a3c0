"""The pipeline of `gptfx run` as a cluster runs it: what it may be told, where its texts are."""

from collections.abc import Iterable, Mapping
from typing import Any

from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.pipeline import Pipeline

from gptfx.data.catalogue import CATALOGUE
from gptfx.data.corpora import name_of
from gptfx.data.errors import InputError
from gptfx.kubeflow.package import Package, make_package
from gptfx.kubeflow.settings import SHIPPED_TEXTS, KubeflowConfig, is_below
from gptfx.kubeflow.uris import local_path
from gptfx.pipeline.beam import require_known
from gptfx.pipeline.config import Config, DataConfig, checked
from gptfx.pipeline.definition import StartedWith, create_components

PLACES = {  # of what a run may be told: section and key
    "corpus_uri": ("kubeflow", "corpus_uri"),
    "serving_uri": ("kubeflow", "serving_uri"),
    "max_bits_per_byte": ("evaluator", "max_bits_per_byte"),
    "train_steps": ("trainer", "steps"),
    "seed": ("trainer", "seed"),
}
SHIPPED = ("scene", "shakespeare", "unicode")  # texts in the image
GOOGLE_STORAGE = "gs://"  # the one place that Dataflow's workers and the launcher both know


def compile_package(config: Config) -> Package:
    """The package of a configuration.

    Raises InputError for what a cluster could not run, by name.
    """
    _require_nothing_of_this_machine(config)
    require_known(config.beam)
    texts = patterns(config.data)
    to_score = patterns(config.texts_to_score) if config.texts_to_score else {}
    _require_texts_that_pods_see([*texts.values(), *to_score.values()], config.kubeflow)
    if config.beam.has_workers_elsewhere:
        _require_artifacts_that_workers_see(config)
    config = _on_promised_gpus(config)
    told = parameters(config)
    others = dict(told)
    serving_folder: Any = others.pop("serving_uri")
    components = create_components(
        config,
        texts,
        serving_folder,
        to_score,
        StartedWith(**others, checkpoints_folder=config.kubeflow.checkpoints),
    )
    pipeline = Pipeline(
        pipeline_name=config.pipeline_name,
        pipeline_root=config.kubeflow.pipeline_root,
        components=components,
        enable_cache=True,
        beam_pipeline_args=list(config.beam.pipeline_args),
    )
    scheme = GOOGLE_STORAGE if config.beam.runner == "DataflowRunner" else None
    return make_package(pipeline, told, config.kubeflow, scheme)


def parameters(config: Config) -> dict[str, RuntimeParameter]:
    """What a run may be told, with what it is told if nobody does; a bigram has no steps."""
    defaults: dict[str, Any] = {
        name: getattr(getattr(config, section), key)
        for name, (section, key) in PLACES.items()
        if section != "trainer" or config.model.kind != "bigram"
    }
    return {
        name: RuntimeParameter(name, type(value), default=value) for name, value in defaults.items()
    }


def require_possible(config: Config, told: Mapping[str, Any]) -> None:
    """Raises InputError for what a run may not be told, as if the configuration said it."""
    content = config.model_dump()
    for name, value in told.items():
        section, key = PLACES[name]
        content[section][key] = value
    checked(content)


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
    count, asked = config.kubeflow.trainer.accelerators, config.trainer
    if config.model.kind == "bigram":
        return config
    if (asked.gpus or count) != count or asked.device == ("cpu" if count else "gpu"):
        received = f"trainer.device = {asked.device}, trainer.gpus = {asked.gpus}"
        remedy = "leave these two out: the pool's number holds"
        problem = f"the Trainer asks for other GPUs than kubeflow.trainer.accelerators = {count}"
        raise InputError(problem, received, remedy)
    if not count:
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


def _require_texts_that_pods_see(found: Iterable[str], cluster: KubeflowConfig) -> None:
    for pattern in found:
        if pattern.startswith(("gs://", "s3://")):
            continue
        if pattern.startswith("/"):
            is_seen = any(is_below(pattern, volume.folder) for volume in cluster.volumes)
            is_seen = is_seen or is_below(pattern, SHIPPED_TEXTS)
        else:
            place = pattern.partition("/")[0]
            is_seen = cluster.corpus_uri != SHIPPED_TEXTS or place in SHIPPED
        if not is_seen or ".." in pattern.split("/"):
            remedy = (
                f"the image holds {', '.join(SHIPPED)}; others go to a volume or a bucket, which"
                " kubeflow.corpus_uri names"
            )
            raise InputError("pods would not find a corpus", pattern, remedy)


def _require_artifacts_that_workers_see(config: Config) -> None:
    """Beam's workers read and write artifacts where the pod of a node does."""
    runner, cluster = config.beam.runner, config.kubeflow
    received = f"beam.runner = {runner}, kubeflow.pipeline_root = {cluster.pipeline_root!r}"
    if runner == "DataflowRunner":
        if not cluster.pipeline_root.startswith(GOOGLE_STORAGE):
            remedy = f"set kubeflow.pipeline_root to {GOOGLE_STORAGE}BUCKET/..."
            raise InputError("Dataflow's workers would not see the artifacts", received, remedy)
        return
    folder = local_path(cluster.pipeline_root)
    if not any(is_below(folder, volume.folder) for volume in cluster.volumes):
        remedy = (
            "set kubeflow.pipeline_root, and mount a volume at the folder of its bucket"
            " (/minio/BUCKET for minio://BUCKET/...), in the workers' pods, too"
        )
        raise InputError("Beam's workers would not see the artifacts", received, remedy)
