"""The manifests, by the schemas of Kubernetes that the package kubernetes-validate brings."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from gptfx.kubeflow.settings import KubeflowConfig, is_below

MANIFESTS = Path(__file__).parents[2] / "kubeflow" / "manifests"
VERSIONS = ("1.29", "1.31", "1.33")  # of Kubernetes
ROOTS = (MANIFESTS, MANIFESTS / "standalone")


def objects(folder: Path, read: set[Path] | None = None) -> list[Any]:
    """All that a kustomization brings; the files that were read are added to `read`."""
    found: list[Any] = []
    read = set() if read is None else read
    for name in yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]:
        path = (folder / name).resolve()
        if path.is_dir():
            found += objects(path, read)
        else:
            read.add(path)
            found += list(yaml.safe_load_all(path.read_text()))
    return found


OBJECTS = objects(MANIFESTS)


def the(kind: str, name: str) -> Any:
    (found,) = [
        each for each in OBJECTS if (each["kind"], each["metadata"]["name"]) == (kind, name)
    ]
    return found


def test_every_file_is_part_of_a_kustomization() -> None:
    read: set[Path] = set()
    for root in ROOTS:
        objects(root, read)
    files = {path for path in MANIFESTS.rglob("*.yaml") if path.name != "kustomization.yaml"}
    assert files == read


def test_the_namespace_of_kubeflow_itself_is_neither_made_nor_closed() -> None:
    found = {(each["kind"], each["metadata"]["name"]) for each in objects(ROOTS[1])}
    own = {(each["kind"], each["metadata"]["name"]) for each in OBJECTS}
    assert own - found == {("Namespace", "gptfx"), ("NetworkPolicy", "gptfx-default")}
    assert not found - own
    for each in objects(ROOTS[1]):  # which pods are meant is always said
        if each["kind"] == "NetworkPolicy":
            assert each["spec"]["podSelector"]


def test_new_volumes_are_handed_to_the_user_that_the_image_runs_as() -> None:
    job = the("Job", "gptfx-volumes")["spec"]["template"]["spec"]
    (container,) = job["containers"]
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert container["command"] == ["chown", "10001:10001", *mounts]
    assert mounts == [volume.folder for volume in KubeflowConfig().volumes]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["CHOWN"]}


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
