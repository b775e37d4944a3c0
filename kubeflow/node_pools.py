"""Which node runs where, with what: resources in the pipeline's specification, the rest in the
second document of a package, which Kubeflow Pipelines calls the platform's.
"""

from collections.abc import Iterable
from typing import Any

from gptfx.kubeflow.settings import TEMPORARY, KubeflowConfig, NodePool, TrainerPool

GIB = 1 << 30
FITTING = ("trainer", "tuner")  # nodes that run in the trainer's pool
MEMORY_VOLUME, TEMPORARY_VOLUME = "shared-memory", "temporary"
Json = dict[str, Any]


def pool_of(node: str, config: KubeflowConfig) -> NodePool:
    """Where a node runs."""
    return config.trainer if node in FITTING else config.nodes


def resources(pool: NodePool) -> Json:
    """ResourceSpec of a container: limits, which are requests, too."""
    memory = pool.memory_gib * GIB / 1e9  # Kubeflow counts in 10^9 bytes
    content: Json = {
        "cpuLimit": pool.cpu,
        "cpuRequest": pool.cpu,
        "memoryLimit": memory,
        "memoryRequest": memory,
    }
    if isinstance(pool, TrainerPool) and pool.accelerators:
        # Protobuf's JSON has 64-bit numbers as strings.
        content["accelerator"] = {"type": pool.accelerator, "count": str(pool.accelerators)}
    return content


def platform(nodes: Iterable[str], config: KubeflowConfig) -> Json:
    """The second document: KubernetesExecutorConfig of each node's executor."""
    executors = {f"{node}_executor": _executor(pool_of(node, config), config) for node in nodes}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}


def _executor(pool: NodePool, config: KubeflowConfig) -> Json:
    content: Json = {
        "pvcMount": [
            {**_named("pvcNameParameter", "constant", volume.claim), "mountPath": volume.folder}
            for volume in config.volumes
        ],
        # All that a node writes beside artifacts and volumes: the image may be read-only.
        "emptyDirMounts": [{"volumeName": TEMPORARY_VOLUME, "mountPath": TEMPORARY}],
        "securityContext": {"runAsNonRoot": True},
    }
    if pool.node_selector:
        content["nodeSelector"] = {"labels": dict(pool.node_selector)}
    if pool.tolerations:
        content["tolerations"] = [
            {key: value for key, value in each.model_dump().items() if value}
            for each in pool.tolerations
        ]
    if isinstance(pool, TrainerPool) and pool.shared_memory_gib:
        size = f"{round(pool.shared_memory_gib * 1024)}Mi"
        content["enabledSharedMemory"] = {"volumeName": MEMORY_VOLUME, "size": size}
    if config.secrets:
        content["secretAsEnv"] = [_secret(*each) for each in sorted(config.secrets.items())]
    if config.image_pull_secret:
        named = _named("secretNameParameter", "secretName", config.image_pull_secret)
        content["imagePullSecret"] = [named]
    return content


def _secret(variable: str, reference: str) -> Json:
    name, _, key = reference.partition("/")
    keys = [{"secretKey": key, "envVar": variable}]
    return {**_named("secretNameParameter", "secretName", name), "keyToEnv": keys}


def _named(key: str, old_key: str, name: str) -> Json:
    """An object's name, as backends of today read it and as those before did."""
    return {key: {"runtimeValue": {"constant": name}}, old_key: name}
