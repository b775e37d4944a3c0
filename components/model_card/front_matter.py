"""What a hub of models wants to know in YAML, in Hugging Face's terms.

https://huggingface.co/docs/hub/model-cards#model-card-metadata
"""

from collections.abc import Iterator

import yaml

from gptfx.components.model_card.inputs import Json
from gptfx.modules.evaluation.metrics import BITS_PER_BYTE, PERPLEXITY, TOKEN_ACCURACY

UNKNOWN, OTHER = "unknown", "other"  # licences
# Those of its list that texts are often under; others are `other`, with a name.
LICENCES = {
    *("apache-2.0", "mit", "cc0-1.0", "unlicense", "pddl", "cc-by-2.0", "cc-by-2.5"),
    *("cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0"),
}
UNDETERMINED = "und"  # ISO 639's word for a language that nobody said
TASK = {"type": "text-generation", "name": "Text Generation"}
METRICS = {BITS_PER_BYTE: "bits per byte", PERPLEXITY: "perplexity", TOKEN_ACCURACY: "accuracy"}


def front_matter(facts: Json) -> str:
    """YAML, ended by a newline, without the lines of dashes around it."""
    corpora, tokenizer = facts["data"]["corpora"], facts["tokenizer"]["kind"]
    content = {
        **licence([corpus["licence"] for corpus in corpora]),
        "language": sorted({corpus["language"] or UNDETERMINED for corpus in corpora}),
        "library_name": "tensorflow",
        "pipeline_tag": TASK["type"],
        "tags": [
            "gptfx",
            facts["kind"],
            facts["preset"],
            f"tokenizer-{tokenizer}",
        ],
        "datasets": [corpus["name"] for corpus in corpora],
        "model-index": [{"name": facts["name"], "results": list(_results(facts))}],
    }
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000))


def licence(stated: list[str | None]) -> dict[str, str]:
    """The texts' one licence, `other` where they have several or the list has it not, `unknown`
    where one has none that is known."""
    if None in stated or not stated:
        return {"license": UNKNOWN}
    (first, *others) = sorted({str(each).lower() for each in stated})
    if not others and first in LICENCES:
        return {"license": first}
    return {"license": OTHER, "license_name": "see-the-licences-of-the-data"}


def _results(facts: Json) -> Iterator[Json]:
    """One for all texts, one for each corpus."""
    for row in facts["metrics"]:
        values = {key: row["model"][key] for key in METRICS if row["model"][key] is not None}
        if row["of"] != "source" and values:
            metrics = [
                {"type": key, "name": METRICS[key], "value": value} for key, value in values.items()
            ]
            dataset = {"name": row["slice"], "type": row["slice"], "split": "eval"}
            yield {"task": {**TASK}, "dataset": dataset, "metrics": metrics}
