"""What a model's card says that its node finds in no artifact: licences, and the configuration."""

from collections.abc import Iterable
from typing import Any

from gptfx.data.catalogue import CATALOGUE, Corpus, RegisteredCorpus
from gptfx.data.storage import is_uri
from gptfx.pipeline.config import Config, DataConfig

# Of `data` these; the others name places.
DATA_KEYS = ("weights", "eval_fraction", "passage_bytes", "latest_spans", "max_invalid_fraction")


def corpora_of(data: DataConfig, names: Iterable[str]) -> list[dict[str, Any]]:
    """What is known of each of a run's corpora: by the catalogue, by `data.registered`, or nothing.

    A path whose corpus has the name of one in the catalogue is not that corpus.
    """
    own = data.own_corpora
    known: dict[str, Corpus | RegisteredCorpus] = {
        name: CATALOGUE[name] if name in CATALOGUE else own[name]
        for name in data.corpora
        if name in CATALOGUE or name in own
    }
    return [_described(name, known.get(name)) for name in sorted(names)]


def _described(name: str, corpus: Corpus | RegisteredCorpus | None) -> dict[str, Any]:
    if corpus is None:
        return {"name": name}
    described = {"name": name, "title": corpus.title, "licence": corpus.licence}
    if isinstance(corpus, RegisteredCorpus):
        has_address = corpus.is_on_the_web or is_uri(corpus.uri)  # else a place of this machine
        return {**described, "source": corpus.uri if has_address else None, "sha256": corpus.sha256}
    content = {"bytes": corpus.bytes, "sha256": corpus.sha256, "language": corpus.language}
    return {**described, "source": str(corpus.source), **content}


def configuration_of(config: Config) -> dict[str, Any]:
    """The sections that the model's own card has not, without places of this machine."""
    sections: dict[str, Any] = {
        "data": config.data.model_dump(include=set(DATA_KEYS)),
        "tokenizer": config.tokenizer.model_dump(exclude={"file"}),
    }
    if config.tuner.enabled:
        sections["tuner"] = config.tuner.model_dump()
    return sections
