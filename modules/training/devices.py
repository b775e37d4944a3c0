"""Where a model is fitted: a CPU, a GPU, several GPUs, or several workers.

One strategy for each, and one code path for all. Of several workers, which `cluster.py` knows, the
first writes checkpoints and the model.
"""

import os
from functools import lru_cache

import tensorflow as tf

from gptfx.data.errors import InputError
from gptfx.modules.config import TrainerConfig
from gptfx.modules.training.cluster import workers


def strategy(config: TrainerConfig) -> tf.distribute.Strategy:
    """The strategy for what was asked for. Raises InputError where it is not there."""
    devices = _devices(config)
    if workers() > 1:
        return _among_workers()
    if len(devices) > 1:
        return tf.distribute.MirroredStrategy(devices)
    return tf.distribute.OneDeviceStrategy(devices[0])


def _devices(config: TrainerConfig) -> list[str]:
    """The names of the devices that were asked for."""
    if config.device == "cpu":
        return ["/cpu:0"]
    found = len(tf.config.list_physical_devices("GPU"))
    wanted = config.gpus or (1 if config.device == "gpu" else 0)
    if found < wanted:
        raise InputError(
            "the GPU that was asked for is not there" if wanted == 1 else "there are too few GPUs",
            f"trainer.device = {config.device}, trainer.gpus = {config.gpus}; found {found}",
            "gptfx doctor says what TensorFlow sees; without trainer.gpus, and with"
            " trainer.device=cpu, the CPU trains",
        )
    return [f"/gpu:{index}" for index in range(config.gpus or found)] or ["/cpu:0"]


@lru_cache
def _among_workers() -> tf.distribute.Strategy:
    """Made once: TensorFlow takes it as the first thing of a process alone."""
    return tf.distribute.MultiWorkerMirroredStrategy()


def prepare(config: TrainerConfig) -> None:
    """To be called before anything of TensorFlow runs: threads, and the ties to other workers.

    Raises InputError for a device that is asked for and not there.
    """
    use_all_cores()
    _devices(config)
    if workers() > 1:
        _among_workers()


def use_all_cores() -> None:
    """One thread a product, and as many products at once as there are cores.

    Small products gain little from several threads each; a batch cut into one part a core gains
    from all of them. Works only before TensorFlow has done anything; later it changes nothing.
    """
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(len(os.sched_getaffinity(0)))
    except RuntimeError:  # it runs already, with the threads it has
        return


def parts_side_by_side(config: TrainerConfig) -> int:
    """Into how many parts a replica on a CPU cuts its batch: one a core after `use_all_cores`."""
    on_gpu = config.device != "cpu" and tf.config.list_physical_devices("GPU")
    if on_gpu or tf.config.threading.get_intra_op_parallelism_threads() != 1:
        return 1
    return max(1, tf.config.threading.get_inter_op_parallelism_threads())
