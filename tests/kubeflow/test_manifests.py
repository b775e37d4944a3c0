"""The manifests, by the schemas of Kubernetes that the package kubernetes-validate brings."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from gptfx.kubeflow.settings import KubeflowConfig, is_below

MANIFESTS = Path(__file__).parents[2] / "kubeflow" / "manifests"
VERSIONS = ("1.29", "1.31", "1.33")  # of Kubernetes
KUSTOMIZATION = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())
OBJECTS = [
    each
    for name in KUSTOMIZATION["resources"]
    for each in yaml.safe_load_all((MANIFESTS / name).read_text())
]


def the(kind: str, name: str) -> Any:
    (found,) = [
        each for each in OBJECTS if (each["kind"], each["metadata"]["name"]) == (kind, name)
    ]
    return found


def test_every_file_is_part_of_the_kustomization() -> None:
    files = {path.name for path in MANIFESTS.glob("*.yaml")} - {"kustomization.yaml"}
    assert files == set(KUSTOMIZATION["resources"])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "manifest", OBJECTS, ids=lambda each: f"{each['kind']}-{each['metadata']['name']}"
)
def test_kubernetes_takes_each_object(manifest: Any, version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_a_wrong_object_would_be_found() -> None:
    wrong = {**the("Deployment", "gptfx-serving"), "spec": {"replicaz": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


def test_the_volumes_are_those_that_pods_mount_by_default() -> None:
    config = KubeflowConfig()
    for volume in config.volumes:
        assert the("PersistentVolumeClaim", volume.claim)["spec"]["accessModes"] == [
            "ReadWriteMany"
        ]


def test_the_server_looks_where_the_pipeline_pushes_and_writes_nothing() -> None:
    config = KubeflowConfig()
    pod = the("Deployment", "gptfx-serving")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert f"--model_base_path={config.serving_uri}" in container["args"]
    (mount,) = container["volumeMounts"]
    assert is_below(config.serving_uri, mount["mountPath"])
    assert mount["readOnly"]
    (volume,) = pod["volumes"]
    assert volume["persistentVolumeClaim"] == {"claimName": "gptfx-serving", "readOnly": True}
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["readinessProbe"]["httpGet"]["path"] == "/v1/models/gptfx"


def test_the_role_makes_nothing_but_reports_and_reads_named_secrets_alone() -> None:
    for rule in the("Role", "gptfx-runner")["rules"]:
        assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
        if set(rule["verbs"]) != {"get"}:
            assert rule["resources"] == ["workflowtaskresults"]
        if {"secrets", "configmaps"} & set(rule["resources"]):
            assert rule["resourceNames"]


def test_no_secret_is_in_a_manifest() -> None:
    assert not [each for each in OBJECTS if each["kind"] == "Secret"]
