"""What TFMA is asked: which metrics, over which slices, within which bounds."""

from google.protobuf.wrappers_pb2 import DoubleValue
from tensorflow_model_analysis.constants import TF_GENERIC
from tensorflow_model_analysis.proto import config_pb2  # TFMA 0.52 names few of these at its top

from gptfx.components.examples import SOURCE
from gptfx.modules.evaluation.metrics import BITS_PER_BYTE, LanguageModelMetrics

CANDIDATE, BASELINE = "candidate", "baseline"


def bounds(max_bits_per_byte: float | None, max_change: float | None) -> config_pb2.MetricThreshold:
    """The bounds on `bits_per_byte`.

    Args:
      max_bits_per_byte: at most this; None for no bound.
      max_change: candidate minus baseline is at most this (negative: the candidate must be better
        by so much); None for no comparison.
    """
    threshold = config_pb2.MetricThreshold()
    if max_bits_per_byte is not None:
        upper = DoubleValue(value=max_bits_per_byte)
        threshold.value_threshold.CopyFrom(config_pb2.GenericValueThreshold(upper_bound=upper))
    if max_change is not None:
        change = config_pb2.GenericChangeThreshold(
            direction=config_pb2.MetricDirection.LOWER_IS_BETTER,
            absolute=DoubleValue(value=max_change),
        )
        threshold.change_threshold.CopyFrom(change)
    return threshold


def eval_config(
    threshold: config_pb2.MetricThreshold,
    slice_max_bits_per_byte: dict[str, float],
    has_baseline: bool,
) -> config_pb2.EvalConfig:
    """The configuration of one Evaluator.

    Args:
      threshold: on `bits_per_byte` over all examples.
      slice_max_bits_per_byte: bounds for single sources (``CORPUS/FILE``).
      has_baseline: whether the node is handed a second model.
    """
    models = [CANDIDATE, BASELINE] if has_baseline else [CANDIDATE]
    metric = LanguageModelMetrics
    spec = config_pb2.MetricsSpec(
        metrics=[config_pb2.MetricConfig(class_name=metric.__name__, module=metric.__module__)],
        model_names=models,
    )
    # A threshold without a slice would hold for every slice, not for all examples together.
    thresholds = spec.per_slice_thresholds[BITS_PER_BYTE].thresholds
    thresholds.add(slicing_specs=[config_pb2.SlicingSpec()], threshold=threshold)
    for source, bound in slice_max_bits_per_byte.items():
        one_source = config_pb2.SlicingSpec(feature_values={SOURCE: source})
        thresholds.add(slicing_specs=[one_source], threshold=bounds(bound, None))
    return config_pb2.EvalConfig(
        model_specs=[_model_spec(name) for name in models],
        slicing_specs=[config_pb2.SlicingSpec(), config_pb2.SlicingSpec(feature_keys=[SOURCE])],
        metrics_specs=[spec],
    )


def with_bound(config: config_pb2.EvalConfig, max_bits_per_byte: float) -> config_pb2.EvalConfig:
    """A copy with another bound over all examples; those of single sources stay."""
    copy = config_pb2.EvalConfig()
    copy.CopyFrom(config)
    of_all = copy.metrics_specs[0].per_slice_thresholds[BITS_PER_BYTE].thresholds[0]
    of_all.threshold.value_threshold.CopyFrom(bounds(max_bits_per_byte, None).value_threshold)
    return copy


def _model_spec(name: str) -> config_pb2.ModelSpec:
    return config_pb2.ModelSpec(
        name=name,
        signature_name="evaluate",
        model_type=TF_GENERIC,
        is_baseline=name == BASELINE,
    )
