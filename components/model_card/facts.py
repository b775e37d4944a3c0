"""Everything a card says, as JSON: ``card.json``, `FORMAT`.

- `format`, `name` (``gptfx-PRESET``), `model_id`, `preset`, `kind`, `parameters` (how many; of a
  bigram, the counts that it keeps), `versions`
- `blessed`: whether every gate blessed the model; `refused`: why not, a line each
- `intended_use`: what it is `suited` and `unsuited` for
- `data`: `corpora`, of each `name`, `title`, `licence`, `source`, `language` (None where nobody
  knows) and `files` (`source`, `bytes`, `identity`: what the content is known by); and of the
  splits `train` and `eval` `passages` and `bytes`
- `tokenizer`: `kind`, `vocab_size`, `normalization`, `digest`
- `configuration`: sections, by name; `seeds`, by what they are of
- `metrics`: rows with `slice`, `of` (``all``, ``corpus``, ``source``), `model` and, or None,
  `baseline`, each with `bits_per_byte`, `perplexity`, `token_accuracy`, `tokens` and `bytes`
- `gates`: `gate`, `metric`, `value`, `bound`, `passed`; `answers`: what came of asking the model
  in a process of its own (`passed`, `reason`, `load_seconds`, `first_request_seconds`), or None
- `curves`: points, as in ``curves.json``; none of a bigram, which is counted
- `samples`: `prompt`, `seed`, `text`; `sampling`: the settings that they were made with; none of a
  model that was asked in a process of its own and did not answer
- `memorisation`: `window_tokens`, and `said` and `held_out` with `windows`, `found`, `share`; of
  `said`, what the model says unasked, also `texts` and `tokens`; see ``memorised.py``. None where
  there are no samples
- `training`: `training_seconds`, `processor`, `cores`, `memory_gib`, `gpus`, `tensorflow`; `run_id`
  and `revision` (git's, of gptfx's code; it ends with ``+`` where files differed from it) of the
  run that trained the model, which a later one may have found in the cache
- `lineage`: `run_id` and `revision` of the run that wrote this, and `artifacts`: `input`, `type`,
  `id`, and the `name` of its folder (NODE/OUTPUT/ID). Of a run None where nobody says it

No key holds a place of the machine that it was made on (`reason` quotes the last words of a
process, whatever they are).
"""

import json
import math
import posixpath
from typing import Any

import tensorflow as tf

from gptfx.components.files import read_text
from gptfx.components.model_card.data import describe_data
from gptfx.components.model_card.inputs import MODEL_RUN, Given, Json
from gptfx.components.model_card.judgement import describe_judgement
from gptfx.components.model_card.memorised import describe_memorisation
from gptfx.components.model_card.said import describe_samples, load_speaker
from gptfx.components.revision import revision
from gptfx.components.trainer.executor import REVISION, RUN_ID, TRAINING_SECONDS
from gptfx.modules.export.versions import LINEAGE
from gptfx.modules.training.curves import POINTS

FORMAT = "gptfx.card/1"
INTENDED_USE = {
    "suited": (
        "Continuing a text in the manner of the texts below, and finding out how language models"
        " learn: every part that made this one is there to be read."
    ),
    "unsuited": (
        "facts, advice, and decisions about people: what it says is made up, may offend as its"
        " texts may, and may repeat them."
    ),
}
MADE_OF = ("model", "trainer", "bigram", "generation", "tuned")  # of the model's card
PARTS_OF_NAME = 3  # of a URI: what comes before is a place of somebody's machine


def gather(given: Given, run_id: str | None) -> Json:
    """All of it."""
    card, lineage = given.card, given.card[LINEAGE]
    judgement = describe_judgement(given)
    facts = {
        "format": FORMAT,
        "name": f"gptfx-{lineage['preset']}",
        "model_id": card["model_id"],
        "preset": lineage["preset"],
        "kind": card["model"]["kind"],
        "parameters": card["parameters"],
        "versions": card["versions"],
        "intended_use": INTENDED_USE,
        "data": describe_data(given),
        "tokenizer": card["tokenizer"],
        "configuration": _configuration(given),
        "seeds": _seeds(given),
        **judgement,
        "curves": _curves(given),
        **_said(given, judgement["answers"]),
        "training": _training(given),
        "lineage": {RUN_ID: run_id, REVISION: revision(), "artifacts": _artifacts(given)},
    }
    finite: Json = _finite(facts)
    return finite


def _said(given: Given, answers: Json | None) -> Json:
    """`samples`, `sampling` and `memorisation`."""
    if answers and not answers["passed"]:  # it may hang, or take this process with it
        return {"samples": [], "sampling": {}, "memorisation": None}
    speaker = load_speaker(given)
    memorisation = describe_memorisation(given, speaker)
    return {**describe_samples(given, speaker), "memorisation": memorisation}


def _configuration(given: Given) -> Json:
    """What the model was made with, which a tuner or whoever started the run may have changed; and
    of the run's configuration what the model's card has not."""
    return {**given.config, **{key: given.card[key] for key in MADE_OF if given.card.get(key)}}


def _seeds(given: Given) -> Json:
    sections = _configuration(given)
    return {
        name: section["seed"]
        for name, section in sections.items()
        if isinstance(section, dict) and "seed" in section
    }


def _curves(given: Given) -> list[Json]:
    path = posixpath.join(given.artifact(MODEL_RUN).uri, POINTS)
    points: list[Json] = json.loads(read_text(path)) if tf.io.gfile.exists(path) else []
    return points


def _training(given: Given) -> Json:
    noted = given.artifact(MODEL_RUN).get_custom_property
    return {
        TRAINING_SECONDS: float(noted(TRAINING_SECONDS)),
        "processor": noted("processor"),
        "cores": float(noted("cores")),
        "memory_gib": float(noted("memory_gib")),
        "gpus": json.loads(noted("gpus")),
        "tensorflow": noted("tensorflow"),
        RUN_ID: noted(RUN_ID),
        REVISION: noted(REVISION),
    }


def _artifacts(given: Given) -> list[Json]:
    return [
        {
            "input": name,
            "type": artifact.type_name,
            "id": artifact.id,
            "name": "/".join(artifact.uri.rstrip("/").split("/")[-PARTS_OF_NAME:]),
        }
        for name, listed in sorted(given.artifacts.items())
        for artifact in listed
    ]


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: None in their places."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
