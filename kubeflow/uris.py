"""Where a pod finds what a URI names: the launcher copies objects to folders and back."""

FOLDERS = {"minio://": "/minio/", "s3://": "/s3/", "gs://": "/gcs/", "oci://": "/oci/"}


def local_path(uri: str) -> str:
    """Where the launcher has put, or will look for, what a URI names; others stay as they are.

    >>> local_path("minio://mlpipeline/v2/artifacts/examples")
    '/minio/mlpipeline/v2/artifacts/examples'
    """
    for scheme, folder in FOLDERS.items():
        if uri.startswith(scheme):
            return folder + uri.removeprefix(scheme)
    return uri
