"""TFX's Evaluator executor; knows what to do where there is no baseline yet."""

import json
import posixpath

from tensorflow_model_analysis.proto.config_pb2 import EvalConfig
from tfx.components.evaluator import constants, executor
from tfx.types import Artifact, artifact_utils
from tfx.types import standard_component_specs as standard
from tfx.utils import proto_utils

from gptfx.components.evaluator.checks import checks_of_node
from gptfx.components.evaluator.eval_config import with_bound
from gptfx.components.evaluator.evaluation import OVERALL, read_evaluation
from gptfx.components.exported import exported_uri
from gptfx.components.files import local, write_text
from gptfx.components.last_blessed.executor import is_absent
from gptfx.data.errors import InputError
from gptfx.modules.evaluation.metrics import BITS_PER_BYTE, PERPLEXITY, TOKEN_ACCURACY
from gptfx.modules.export.card import CARD_PATH, require_packages

MAX_BITS_PER_BYTE = "max_bits_per_byte"
METRICS = "metrics"  # custom property of the evaluation: the candidate's over all examples, JSON
REFUSED = "refused"  # custom property of the blessing: the bounds that did not hold, a JSON list
FIGURES = (BITS_PER_BYTE, PERPLEXITY, TOKEN_ACCURACY)
NOTHING_TO_COMPARE = "nothing_to_compare"  # custom property of the evaluation: 1 where so


class Executor(executor.Executor):
    """Runs GateEvaluator."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, object],
    ) -> None:
        """See TFX; without the baseline that it was to be compared with, a model is blessed."""
        exec_properties = started_with(exec_properties)
        baseline = input_dict.get("baseline_model")
        if baseline and is_absent(artifact_utils.get_single_instance(baseline)):
            self._bless_without_baseline(input_dict, output_dict)
        else:
            for model in [*input_dict["model"], *(baseline or [])]:
                with local(exported_uri(model), CARD_PATH.as_posix()) as folder:
                    require_packages(folder)
            super().Do(input_dict, output_dict, exec_properties)
            note(
                artifact_utils.get_single_instance(output_dict["evaluation"]),
                artifact_utils.get_single_instance(output_dict["blessing"]),
            )

    def _bless_without_baseline(
        self, input_dict: dict[str, list[Artifact]], output_dict: dict[str, list[Artifact]]
    ) -> None:
        model = artifact_utils.get_single_instance(input_dict["model"])
        evaluation = artifact_utils.get_single_instance(output_dict["evaluation"])
        evaluation.set_int_custom_property(NOTHING_TO_COMPARE, 1)
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        blessing.set_string_custom_property(
            constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri
        )
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
        blessing.set_int_custom_property(
            constants.ARTIFACT_PROPERTY_BLESSED_KEY, constants.BLESSED_VALUE
        )
        write_text(posixpath.join(blessing.uri, constants.BLESSED_FILE_NAME), "")


def note(evaluation: Artifact, blessing: Artifact) -> None:
    """Puts the figures and the reasons into custom properties, where whoever asks finds them
    without TensorFlow, and on whatever machine the files are."""
    found = read_evaluation(evaluation.uri)
    figures = {name: found.candidate[OVERALL][name] for name in FIGURES}
    if found.baseline:
        figures[f"baseline_{BITS_PER_BYTE}"] = found.baseline[OVERALL][BITS_PER_BYTE]
    evaluation.set_string_custom_property(METRICS, json.dumps(figures))
    found_checks = checks_of_node(evaluation.uri, found)
    refused = [str(check) for check in found_checks if not check.passed]
    blessing.set_string_custom_property(REFUSED, json.dumps(refused))


def started_with(parameters: dict[str, object]) -> dict[str, object]:
    """The parameters, with the bound that a run was started with, if it was, in the configuration.

    Raises InputError for a bound that nothing can keep.
    """
    bound = parameters.get(MAX_BITS_PER_BYTE)
    if bound is None:
        return parameters
    if not float(str(bound)) > 0.0:
        raise InputError(f"{MAX_BITS_PER_BYTE} is not above 0", bound, "start the run with another")
    config = EvalConfig()
    proto_utils.json_to_proto(str(parameters[standard.EVAL_CONFIG_KEY]), config)
    changed = proto_utils.proto_to_json(with_bound(config, float(str(bound))))
    return {**parameters, standard.EVAL_CONFIG_KEY: changed}
