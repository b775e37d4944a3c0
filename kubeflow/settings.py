"""What a cluster is told: image, volumes, node pools; the section `kubeflow` of a configuration."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gptfx.data.errors import InputError

Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9./_-]{0,250}[A-Za-z0-9])?$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]  # of an object
Folder = Annotated[str, Field(pattern=r"^/[^\s]*[^\s/]$")]  # absolute
SERVING_FOLDER, CHECKPOINTS_FOLDER = "/mnt/gptfx/serving", "/mnt/gptfx/checkpoints"
SHIPPED_TEXTS = "/opt/gptfx/texts"  # in the image
TEMPORARY = "/tmp"
# Of every pod: the launcher's, of which it makes an empty folder each; and ours.
TAKEN = ("/minio", "/s3", "/gcs", "/.local", "/.cache", "/.config", TEMPORARY, "/dev/shm")
OURS = ("/opt/gptfx", "/usr", "/etc", "/bin", "/lib", "/proc", "/sys")  # what the image needs


class Settings(BaseModel):
    """A part of the section: frozen, and closed to keys that it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )


class Toleration(Settings):
    """A taint that pods put up with; as in Kubernetes.

    Attributes:
      key, operator, value, effect: of the taint; an empty effect matches all.
    """

    key: str = ""
    operator: Literal["Equal", "Exists"] = "Equal"
    value: str = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""

    @model_validator(mode="after")
    def _as_kubernetes_takes_it(self) -> "Toleration":
        if self.operator == "Exists" and self.value:
            raise ValueError("a toleration with the operator Exists has no value")
        if self.operator == "Equal" and not self.key:
            raise ValueError("a toleration without a key needs the operator Exists")
        return self


class NodePool(Settings):
    """Where pods run, and what each may use.

    Attributes:
      cpu: cores; the limit, of which a pod is promised all.
      memory_gib: in 2^30 bytes; beyond it a pod is killed.
      node_selector: labels that a node must have.
      tolerations: taints of its nodes.
    """

    cpu: float = Field(2.0, gt=0.0)
    memory_gib: float = Field(8.0, gt=0.0)
    node_selector: dict[Label, str] = {}
    tolerations: tuple[Toleration, ...] = ()


class TrainerPool(NodePool):
    """Where the Trainer runs, and the Tuner.

    Attributes:
      accelerators: GPUs of a pod; 0: none, and it runs on a CPU. With any the training fails at its
        start unless it sees as many.
      accelerator: the resource by which the cluster knows them.
      shared_memory_gib: of /dev/shm; null: the container runtime's, which is 64 MiB.
      retries: how often a training that was killed begins again, from its last checkpoint; on spot
        nodes at least once.
    """

    cpu: float = Field(4.0, gt=0.0)
    memory_gib: float = Field(16.0, gt=0.0)
    accelerators: int = Field(0, ge=0, le=64)
    accelerator: Label = "nvidia.com/gpu"
    shared_memory_gib: float | None = Field(1.0, gt=0.0)
    retries: int = Field(2, ge=0, le=100)


class Volume(Settings):
    """A volume claim of the namespace, and where pods find it.

    Attributes:
      claim: name of the PersistentVolumeClaim.
      folder: where it is mounted.
    """

    claim: Name
    folder: Folder


class KubeflowConfig(Settings):
    """Attributes:
    image: of the nodes' containers; it holds this version of gptfx.
    image_pull_secret: name of the secret for its registry; null for none.
    pipeline_root: where artifacts go; empty: where the cluster says.
    corpus_uri: where texts are that are named by the catalogue or by relative paths, as
      CORPUS/FILE: a folder of the image or of a volume, or a gs:// or s3:// URI. A run may be
      started with another.
    serving_uri: where pushed versions go: a folder of a volume. A run may be started with another.
    volumes: what is mounted into all pods.
    checkpoints: where trainings leave checkpoints, of the volumes; null: a training that is killed
      begins anew.
    secrets: environment variables, each of `SECRET/KEY` of the namespace; for credentials.
    nodes: where all but the Trainer and the Tuner run.
    trainer: where these run.
    host: the API server's address, https://...; the variable KF_PIPELINES_ENDPOINT goes before it.
    ca_file: certificates to trust beside the system's.
    namespace: whose runs these are, of a server with several users; null for one without.
    experiment: what runs are kept under.
    service_account: whom pods act for; null: whom the server says.
    """

    image: str = Field("gptfx:latest", min_length=1)
    image_pull_secret: Name | None = None
    pipeline_root: str = ""
    corpus_uri: str = Field(SHIPPED_TEXTS, min_length=1)
    serving_uri: Folder = f"{SERVING_FOLDER}/models"
    volumes: tuple[Volume, ...] = (
        Volume(claim="gptfx-serving", folder=SERVING_FOLDER),
        Volume(claim="gptfx-checkpoints", folder=CHECKPOINTS_FOLDER),
    )
    checkpoints: Folder | None = CHECKPOINTS_FOLDER
    secrets: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], str] = {}
    nodes: NodePool = NodePool()
    trainer: TrainerPool = TrainerPool()
    host: str = ""
    ca_file: str | None = None
    namespace: Name | None = None
    experiment: str = Field("gptfx", min_length=1)
    service_account: Name | None = None

    @field_validator("host")
    @classmethod
    def _address(cls, host: str) -> str:
        parts = urlsplit(host)
        if parts.username or parts.password:
            remedy = "leave it out: GPTFX_KUBEFLOW_TOKEN, or another variable, holds the login"
            raise InputError("kubeflow.host holds a login", "(not shown)", remedy)
        if host and not (parts.scheme in ("https", "http") and parts.hostname):
            remedy = "write https://HOST, or http://localhost:8888 for a forwarded port"
            raise InputError("kubeflow.host is no address of an API server", host, remedy)
        return host.rstrip("/")

    @field_validator("corpus_uri")
    @classmethod
    def _place_of_texts(cls, uri: str) -> str:
        if not uri.startswith(("/", "gs://", "s3://")):
            raise ValueError("begins with / or is a gs:// or s3:// URI")
        return uri

    @field_validator("pipeline_root")
    @classmethod
    def _scheme(cls, root: str) -> str:
        if root and not root.startswith(("minio://", "s3://", "gs://")):
            raise ValueError("begins with minio://, s3:// or gs://")
        return root

    @field_validator("secrets")
    @classmethod
    def _references(cls, secrets: dict[str, str]) -> dict[str, str]:
        for variable, reference in secrets.items():
            name, slash, key = reference.partition("/")
            if not (name and slash and key) or "/" in key:
                # Perhaps the secret itself, which nobody is to read in a terminal or a log.
                received, remedy = "(not shown)", "write SECRET/KEY: names in the namespace"
                raise InputError(f"kubeflow.secrets.{variable} names no secret", received, remedy)
        return secrets

    @field_validator("volumes")
    @classmethod
    def _folders_are_free(cls, volumes: tuple[Volume, ...]) -> tuple[Volume, ...]:
        for volume in volumes:
            if volume.folder in TAKEN:
                raise ValueError(f"{volume.folder} is mounted in every pod already: go below it")
            if any(is_below(volume.folder, each) or is_below(each, volume.folder) for each in OURS):
                raise ValueError(f"{volume.folder} would hide what is in the image")
        folders = [volume.folder for volume in volumes]
        if twice := sorted({each for each in folders if folders.count(each) > 1}):
            raise ValueError(f"two volumes have the folder {twice[0]}")
        return volumes

    @model_validator(mode="after")
    def _folders_are_mounted(self) -> "KubeflowConfig":
        for key in ("serving_uri", "checkpoints"):
            folder = getattr(self, key)
            if folder and not any(is_below(folder, each.folder) for each in self.volumes):
                raise ValueError(f"{key} {folder} lies on none of the volumes, and would be lost")
        return self


def is_below(path: str, folder: str) -> bool:
    """Whether an absolute path is a folder or inside of it."""
    return path == folder or path.startswith(f"{folder}/")
