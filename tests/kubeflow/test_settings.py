"""The section `kubeflow`: what Kubernetes would refuse, or lose, is refused where it is written."""

import pytest

from gptfx.data.errors import InputError
from gptfx.kubeflow.settings import KubeflowConfig
from gptfx.pipeline.config import load_config


def test_what_ships_is_within_its_own_bounds() -> None:
    config = KubeflowConfig()
    assert config.trainer.accelerators == 0
    assert config.serving_uri.startswith(config.volumes[0].folder)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("serving_uri=/elsewhere", "serving_uri /elsewhere lies on none of the volumes"),
        ("checkpoints=/elsewhere", "checkpoints /elsewhere lies on none of the volumes"),
        ("serving_uri=models", "kubeflow.serving_uri has an impossible value"),
        ("pipeline_root=/artifacts", "begins with minio://, s3:// or gs://"),
        ("secrets.TOKEN=hush", "kubeflow.secrets.TOKEN names no secret. Received: '(not shown)'"),
        ("secrets.TOKEN=a/b/hush", "kubeflow.secrets.TOKEN names no secret"),
        ("trainer.accelerators=-1", "kubeflow.trainer.accelerators has an impossible value"),
        ("nodes.cpu=0", "kubeflow.nodes.cpu has an impossible value"),
        ("nodes.gpus=1", "unknown key kubeflow.nodes.gpus"),
        ("nodes.tolerations=[{key: a, operator: Exists, value: b}]", "Exists has no value"),
        ("nodes.tolerations=[{value: b}]", "without a key needs the operator Exists"),
        ("nodes.node_selector={'a b': c}", "kubeflow.nodes.node_selector"),
        ("volumes=[{claim: Big, folder: /mnt/gptfx}]", "kubeflow.volumes.0.claim"),
    ],
)
def test_what_cannot_be_is_refused(setting: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        load_config("smoke", [f"kubeflow.{setting}"])
    assert message in str(refused.value)
    assert "hush" not in str(refused.value)
