"""Imports what a run imports, and says what TensorFlow sees. A process of its own runs this.

It prints a line of JSON after each step; the lines begin with ``MARK``, since libraries print too.
"""

import json
from typing import Any

MARK = "gptfx doctor: "


def main() -> None:
    """First TensorFlow, then everything that a run imports."""
    try:
        _say("tensorflow", **_tensorflow())
        import gptfx.pipeline.runner  # noqa: F401

        _say("libraries")
    except BaseException as error:  # SystemExit too: some modules exit when they miss something
        _say("error", reason=f"{type(error).__name__}: {error}")


def _tensorflow() -> dict[str, Any]:
    import tensorflow as tf

    build = tf.sysconfig.get_build_info()
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return {
        "version": tf.__version__,
        "is_cuda_build": tf.test.is_built_with_cuda(),
        "cuda": build.get("cuda_version"),
        "cudnn": build.get("cudnn_version"),
        "gpus": [detail.get("device_name", "unnamed") for detail in details],
    }


def _say(step: str, **values: Any) -> None:
    print("\n" + MARK + json.dumps({"step": step, **values}), flush=True)
