"""Gathers what there is to say of a model and writes it in three forms."""

import json
from pathlib import Path

from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils

from gptfx.components.files import made
from gptfx.components.model_card.facts import gather
from gptfx.components.model_card.inputs import CARD, Artifacts, Json, opened
from gptfx.components.model_card.markdown import write_markdown
from gptfx.components.model_card.page import write_page
from gptfx.components.model_card.pages import FACTS, PAGE, README

MODEL_ID, MODEL_BLESSED = "model_id", "model_blessed"  # custom properties


class Executor(base_executor.BaseExecutor):
    """Runs ModelCardWriter."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Json) -> None:
        """Fills the `card` artifact."""
        self._log_startup(input_dict, output_dict, exec_properties)
        run_id = self._context.pipeline_run_id if self._context else None
        with opened(input_dict, exec_properties) as given:
            facts = gather(given, run_id)
        card = artifact_utils.get_single_instance(output_dict[CARD])
        with made(card.uri) as folder:
            write(facts, folder)
        card.set_string_custom_property(MODEL_ID, facts["model_id"])
        card.set_int_custom_property(MODEL_BLESSED, int(facts["blessed"]))


def write(facts: Json, folder: Path) -> None:
    """The three files of a card."""
    text = json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False)
    markdown = write_markdown(facts)
    for name, content in (
        (FACTS, text + "\n"),
        (README, markdown.with_front_matter),
        (PAGE, write_page(facts, markdown.body)),
    ):
        (folder / name).write_text(content, encoding="utf-8")
