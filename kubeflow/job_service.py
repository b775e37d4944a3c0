"""Does Beam's portable job service answer? Beam by itself waits, and does not say for what."""

import socket

from gptfx.data.errors import InputError

PATIENCE = 5  # seconds until it answers


def require_job_service(endpoint: str) -> None:
    """Raises InputError unless something listens at HOST:PORT."""
    host, _, port = endpoint.rpartition(":")
    try:
        socket.create_connection((host, int(port)), PATIENCE).close()
    except (OSError, ValueError, OverflowError) as error:
        problem = f"no job service answers ({error})"
        remedy = "start it, or set beam.options.job_endpoint to HOST:PORT of another"
        raise InputError(problem, endpoint, remedy) from None
