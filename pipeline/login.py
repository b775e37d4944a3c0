"""How a cluster knows who asks: out of the environment, so that no command line shows it."""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from gptfx.data.errors import InputError
from gptfx.kubeflow.login import Login
from gptfx.kubeflow.settings import KubeflowConfig
from gptfx.pipeline.config import explain

# The first two are the SDK's own names.
ENDPOINT, TOKEN_FILE = "KF_PIPELINES_ENDPOINT", "KF_PIPELINES_SA_TOKEN_PATH"
TOKEN, COOKIES = "GPTFX_KUBEFLOW_TOKEN", "GPTFX_KUBEFLOW_COOKIES"


def read_login(environment: Mapping[str, str] = os.environ) -> Login:
    """The login. Raises InputError where there is more than one."""
    given = [name for name in (TOKEN, TOKEN_FILE, COOKIES) if environment.get(name)]
    if len(given) > 1:
        raise InputError("there are several logins", ", ".join(given), "unset all but one")
    file = environment.get(TOKEN_FILE)
    return Login(
        environment.get(TOKEN) or None,
        Path(file) if file else None,
        environment.get(COOKIES) or None,
    )


def with_endpoint(
    config: KubeflowConfig, environment: Mapping[str, str] = os.environ
) -> KubeflowConfig:
    """The configuration with the API server that the environment names, if it does."""
    host = environment.get(ENDPOINT)
    if not host:
        return config
    try:
        return KubeflowConfig.model_validate({**config.model_dump(), "host": host})
    except ValidationError as error:
        raise explain(error) from None
