"""A model that does not answer as it promises is not blessed, and the blessing says why."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tensorflow as tf
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.components.infra_validator import executor as theirs
from tfx.components.util.model_utils import is_infra_validated
from tfx.types import Artifact, Channel, standard_artifacts

from gptfx.components.exported import exported_folder
from gptfx.components.infra_validator import driver, probe
from gptfx.components.infra_validator.component import ServingValidator
from gptfx.components.infra_validator.executor import read_report

Make = Callable[..., Artifact]
Validate = Callable[..., Artifact]
Answer = dict[str, tf.Tensor]
Change = Callable[[Answer], Answer]


@pytest.fixture
def validate(execute: Callable[..., dict[str, Artifact]], tmp_path: Path) -> Validate:
    """Runs ServingValidator on a model, with a time limit in seconds."""

    def run(model: Artifact, timeout_seconds: int = 300) -> Artifact:
        node = ServingValidator(Channel(type=standard_artifacts.Model), timeout_seconds)
        return execute(node, tmp_path / "validator", {"model": model})["blessing"]

    return run


@pytest.fixture(scope="module")
def model(bigram: dict[str, Artifact]) -> probe.Model:
    """The bigram model, loaded here."""
    return probe.load(exported_folder(bigram["model"]), {})


def changed(signature: Any, change: Change) -> Any:
    """A signature whose answer goes through a function."""
    specs = signature.structured_input_signature[1]
    return tf.function(lambda **inputs: change(signature(**inputs))).get_concrete_function(**specs)


def reason(blessing: Artifact) -> str:
    """Why a model was refused: one line, in a blessing that TFX's Pusher takes for a refusal."""
    assert not is_infra_validated(blessing)
    assert [path.name for path in Path(blessing.uri).iterdir()] == [theirs._NOT_BLESSED_FILENAME]
    said = blessing.get_string_custom_property("reason")
    assert "\n" not in said
    return said


def test_a_model_that_answers_is_blessed_as_by_tfx(validate: Validate, make_model: Make) -> None:
    blessing = validate(make_model())
    assert blessing.get_string_custom_property("reason") == ""
    assert is_infra_validated(blessing)
    assert [path.name for path in Path(blessing.uri).iterdir()] == [theirs._BLESSED_FILENAME]
    assert blessing.get_float_custom_property("load_seconds") > 0
    assert blessing.get_float_custom_property("first_request_seconds") > 0


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.index"])
def test_a_damaged_model_is_refused(validate: Validate, make_model: Make, name: str) -> None:
    model = make_model()
    path = exported_folder(model) / name
    path.write_bytes(path.read_bytes()[:40])
    blessing = validate(model)
    assert "Error: " in reason(blessing)
    assert not blessing.has_custom_property("load_seconds")


def test_a_model_that_gives_no_answer_in_time_is_refused_and_its_copy_removed(
    validate: Validate, make_model: Make, tmp_path: Path
) -> None:
    # The import of TensorFlow alone takes longer; what hangs later is ended in the same way.
    assert reason(validate(make_model(), timeout_seconds=1)) == "no answer within 1 s"
    assert [path for path in (tmp_path / "validator/tmp").rglob("*") if path.is_file()] == []


def test_a_model_that_kills_its_process_is_refused(
    validate: Validate, make_model: Make, tmp_path: Path
) -> None:
    def abort(answer: Answer) -> Answer:
        with tf.control_dependencies([tf.raw_ops.Abort(error_msg="the end of it")]):
            return {name: tf.identity(value) for name, value in answer.items()}

    model = make_model()
    loaded = tf.saved_model.load(str(exported_folder(model)))
    deadly = {**loaded.signatures, "generate": changed(loaded.signatures["generate"], abort)}
    tf.saved_model.save(loaded, str(tmp_path / "deadly"), signatures=deadly)
    shutil.copytree(tmp_path / "deadly", exported_folder(model), dirs_exist_ok=True)
    said = reason(validate(model))
    assert said.startswith("the process that asked the model was killed by SIGABRT")
    assert "the end of it" in said


def test_a_model_that_needs_what_is_not_installed_is_refused(
    validate: Validate, make_model: Make
) -> None:
    said = reason(validate(make_model(requires=["tensorflow-poetry"])))
    assert "No module named 'tensorflow_poetry'" in said


def constant(key: str, value: object) -> Change:
    """The answer with one output replaced."""
    return lambda answer: {**answer, key: tf.fill(tf.shape(answer[key]), value)}


def without(key: str) -> Change:
    """The answer without one output."""
    return lambda answer: {name: value for name, value in answer.items() if name != key}


def random_text(answer: Answer) -> Answer:
    """Never the same."""
    numbers = tf.random.uniform(tf.shape(answer["text"]))
    return {**answer, "text": tf.strings.as_string(numbers)}


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("generate", None, "the signature generate is missing"),
        ("tokenize", without("row_splits"), "tokenize gives ids int64 instead of ids int64, row_"),
        ("generate", constant("text", b"\xff"), r"generate: text that is not UTF-8: b'\xff'"),
        ("generate", constant("tokens", 5), "generate: 5 tokens where 4 were the most"),
        ("serving_default", constant("tokens", 3), "3 tokens where 2 were the most"),
        ("generate", constant("finish_reason", b"tired"), "unknown finish_reason {b'tired'}"),
        ("generate", random_text, "the same request gave another text the second time"),
        ("detokenize", constant("text", b"!"), "tokenize: b'' comes back as b'!'"),
        ("evaluate", constant("nats", float("nan")), "evaluate: nats that are not finite"),
        ("evaluate", constant("nats", -1.0), "evaluate: nats that are none"),
        ("evaluate", constant("bytes", 7.0), "evaluate: bytes"),
    ],
)
def test_what_breaks_the_contract_is_refused_by_name(
    model: probe.Model, name: str, change: Change | None, said: str
) -> None:
    signatures = dict(model.signatures)
    original = signatures.pop(name)
    if change:
        signatures[name] = changed(original, change)
    with pytest.raises(probe.RefusalError) as refusal:
        probe.examine(probe.Model(signatures, model.card), {"checked": []})
    assert said in str(refusal.value)


def test_no_more_is_asked_than_the_card_allows() -> None:
    bounds = {"longest_prompt": 5, "most_new_tokens": 1, "largest_batch": 2, "max_new_tokens": 2}
    model = probe.Model({}, {"generation": bounds})
    request, most = probe.request_for_text(model, "generate")
    assert (request["prompt"], request["max_new_tokens"], most) == ([b"To be", b""], [1, 1], 1)
    request, most = probe.request_for_text(model, "serving_default")
    assert (request, most) == ({"prompt": [b"To be"]}, 2)


def test_the_probe_imports_nothing_of_gptfx(tmp_path: Path) -> None:
    code = "import sys; sys.path[0] = sys.argv[1]; import probe; print('gptfx' in sys.modules)"
    folder = str(Path(probe.__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("code", "said"),
    [(-9, "was killed by SIGKILL: out of"), (1, "ended with code 1: "), (0, "ended with code 0: ")],
)
def test_a_probe_that_says_nothing_is_a_refusal(code: int, said: str) -> None:
    done = subprocess.CompletedProcess([], code, stdout="TensorFlow's\n", stderr="a\nout of\n")
    assert said in read_report(done)["failed"]


def test_a_refused_model_is_asked_again_and_a_blessed_one_is_not() -> None:
    store = metadata_store.MetadataStore(mlmd.ConnectionConfig(fake_database={}))
    model = standard_artifacts.Model()
    model.uri = "/models/1"

    def refusals() -> str:
        seen = driver.Driver(_Handle(store)).observe({"model": [model]}, {"timeout_seconds": 9})
        return seen["refusals"]

    assert refusals() == "0"
    kind = store.put_artifact_type(mlmd.ArtifactType(name="InfraBlessing"))
    for uri, seconds, blessed in [(1, 9, 0), (2, 9, 0), (1, 8, 0), (1, 9, 1)]:
        blessing = mlmd.Artifact(type_id=kind)
        blessing.custom_properties["model"].string_value = f"/models/{uri}"
        blessing.custom_properties["timeout_seconds"].int_value = seconds
        blessing.custom_properties["blessed"].int_value = blessed
        store.put_artifacts([blessing])
    assert refusals() == "1"


class _Handle(SimpleNamespace):
    """A connection to ML Metadata, as drivers are handed it."""

    def __init__(self, store: metadata_store.MetadataStore) -> None:
        super().__init__(store=store)

    def __enter__(self) -> "_Handle":
        return self

    def __exit__(self, *error: object) -> None:
        pass
