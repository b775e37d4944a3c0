"""The look at the texts before a run that is only for new ones."""

import hashlib

from gptfx.data.corpora import resolve
from gptfx.data.identities import fingerprint, read_identities
from gptfx.pipeline.config import Config
from gptfx.pipeline.layout import data_home


def fingerprint_of(config: Config) -> str:
    """What the corpora of a configuration hold now, and the configuration, of which another makes
    another model. Raises InputError where a corpus is not there.
    """
    data = config.data
    corpora = [
        resolve(name, data_home(), registered=data.own_corpora, latest_spans=data.latest_spans)
        for name in data.corpora
    ]
    texts = fingerprint(read_identities(file for corpus in corpora for file in corpus.files))
    settings = hashlib.sha256(config.model_dump_json().encode()).hexdigest()
    return f"{texts},configuration:{settings}"
